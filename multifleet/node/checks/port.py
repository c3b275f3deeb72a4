"""Is the port ours: inside the daemon by asking whoever answers there, outside by trying to take it for a moment."""

import asyncio
import errno
import json
import socket
from collections.abc import Sequence
from pathlib import Path

from multifleet.config import join_address, load
from multifleet.errors import ConfigError
from multifleet.local_http import request
from multifleet.node.checks.finding import Finding, fail, ok, together, warn
from multifleet.node.checks.listeners import who_listens
from multifleet.store.lock import holder

ANSWER_SECONDS = 1.0
_NEAR = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}


async def serving(node: str, listens: Sequence[tuple[str, int]], without: int = 0) -> Finding:
    """Whether this very node answers wherever it listens; `without`: the port for frames alone, if it lacks that."""
    if not listens:
        return fail("the daemon listens nowhere", "multifleet down, then multifleet up")
    findings = await asyncio.gather(*(_ask(node, host, port) for host, port in listens))
    if without:
        by_whom = f"port {without} for relayed frames is taken{_named(without)}: they come to the usual port alone"
        findings.append(warn(by_whom, 'stop it and restart the daemon, or set another "relayPort" in config.json'))
    return together(findings)


def from_outside(home: Path) -> Finding:
    """Whether a daemon could listen where it is configured to."""
    try:
        config = load(home)
    except ConfigError as error:
        return fail(f"the port is not known: {error}", "mend config first", "config")
    held = holder(home)
    port = held.port if held is not None and held.port is not None else config.port
    if held is not None and any(listener.pid == held.pid for listener in who_listens(port)):
        return ok(f"the daemon (pid {held.pid}) listens on port {port}")
    return together([_try(host, port) for host in config.bind])


async def _ask(node: str, host: str, port: int) -> Finding:
    where = join_address(host, port)
    writer = None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(_NEAR.get(host, host), port)
            writer.write(request("GET", "/health"))
            answer = await reader.read(4096)
    except TimeoutError:
        return fail(
            f"{where} does not answer this machine itself",
            f"let TCP port {port} through this machine's firewall",
        )
    except OSError as error:
        return fail(f"{where} cannot be reached ({error.strerror})", "multifleet down, then multifleet up")
    finally:
        if writer is not None:
            writer.close()
    if _is_ours(answer, node):
        return ok(f"listens on {where}")
    return fail(
        f"another program answers on {where}", f"stop it, or choose another port: multifleet up --port N{_named(port)}"
    )


def _is_ours(answer: bytes, node: str) -> bool:
    body = answer.partition(b"\r\n\r\n")[2]
    if body == b"ok\n":
        return True  # all that strangers are told, and so is this process where the kernel cannot tell whose it is
    try:
        return bool(json.loads(body)["node"] == node)
    except (ValueError, KeyError, TypeError):
        return False


def _try(host: str, port: int) -> Finding:
    for kind, word in ((socket.SOCK_STREAM, "TCP"), (socket.SOCK_DGRAM, "UDP")):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, kind) as taken:
                if kind is socket.SOCK_STREAM:
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family is socket.AF_INET6:
                    taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                taken.bind((host, port))
        except OSError as error:
            if host == "::" and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                continue  # the daemon leaves out a family that the system lacks
            return _cannot(join_address(host, port), port, word, error)
    return ok(f"{join_address(host, port)} is free for the daemon")


def _cannot(where: str, port: int, word: str, error: OSError) -> Finding:
    if error.errno == errno.EADDRINUSE:
        others = ", ".join(map(str, who_listens(port))) or "another program"
        return fail(
            f"{word} port {port} is taken by {others}",
            'stop it, or choose another port: multifleet up --port N (for good: "port" in config.json)',
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return fail(f"{where} is no address of this machine", 'change "bind" in config.json')
    return fail(f"{where} cannot be used ({error.strerror})", 'change "port" or "bind" in config.json')


def _named(port: int) -> str:
    others = ", ".join(map(str, who_listens(port)))
    return f" ({others})" if others else ""
