"""Opening the daemon's sockets: TCP on the wanted addresses, and a Unix one that only its user can reach."""

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from multifleet.config import join_address
from multifleet.errors import ConfigError, PortInUse
from multifleet.node.checks.listeners import who_listens

BACKLOG = 1024
PORT_TRIES = 5
PROBE_SECONDS = 1.0
ELSEWHERE = "127.83.71.5"
"""A loopback address that hardly anybody uses: a port that is free there is not taken on all addresses."""

Bound = tuple[socket.socket, tuple[str, int]]


async def bind_tcp(hosts: Sequence[str], port: int) -> list[Bound]:
    """A bound socket for each host, all on one port; a family that this system lacks is left out.

    Port 0 takes any port that is free on all of them. PortInUse says who has it.
    """
    for _ in range(PORT_TRIES):
        bound: list[Bound] = []
        host = ""
        try:
            for host in hosts:
                bound += await _bind_host(host, bound[0][1][1] if bound else port)
        except OSError as error:
            for opened, _ in bound:
                opened.close()
            if error.errno != errno.EADDRINUSE:
                raise ConfigError(
                    f"cannot listen on {join_address(host, port)} ({error.strerror}): "
                    "change bind or port in config.json, or --bind or --port"
                ) from None
            if port:
                raise PortInUse(await explain_port(port, host)) from None
        else:
            if not bound:
                raise ConfigError(
                    f"this system has none of the addresses {', '.join(hosts)}: change bind in config.json, or --bind"
                )
            return bound
    raise PortInUse("no port was free on all addresses: name one with --port")


async def stop_listening(server: asyncio.Server) -> None:
    """Take no more connections; one that was accepted in this moment is served like those that are open.

    `Server.close` alone would leave its socket open and unserved: asyncio hands a connection over in the turn after it
    was accepted, and a server that is closed by then cannot take it.
    """
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows waits for its connections in another way
        for listening in server.sockets:
            loop.remove_reader(listening.fileno())
    await asyncio.sleep(0)
    server.close()


async def _bind_host(host: str, port: int) -> list[Bound]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        if ":" in host:
            return []
        raise ConfigError(
            f"{host} is no address of this machine ({error.strerror}): change bind in config.json, or --bind"
        ) from None
    bound = []
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            opened = socket.socket(family, kind, protocol)
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:
                continue
            raise
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind(address)
        except OSError as error:
            opened.close()
            if error.errno == errno.EADDRNOTAVAIL and host == "::":
                continue  # the family is built in, and switched off
            raise
        opened.setblocking(False)
        bound.append((opened, opened.getsockname()[:2]))
    return bound


async def explain_port(port: int, host: str = "127.0.0.1") -> str:
    """Who seems to listen on a port of an address, and what to do about it; one line."""
    answer = await _ask_health(port, _near(host))
    body = answer.partition(b"\r\n\r\n")[2]
    listeners = await asyncio.to_thread(who_listens, port)
    them = ", ".join(map(str, listeners)) or "it"
    choose = 'write another "port" into config.json, or for this once choose another port with --port' + (
        ", or another address with --bind" if _is_free_elsewhere(host, port) else ""
    )
    if body.startswith(b'{"ok":') and b'"node":' in body:
        return f"another multifleet daemon of yours listens on port {port}: stop {them}, or {choose}"
    if answer.startswith(b"HTTP/1.1 200 ") and body == b"ok\n":
        return f"a multifleet daemon of another user listens on port {port}: {choose}"
    return f"another program listens on port {port}: stop {them}, or {choose}"


def _is_free_elsewhere(host: str, port: int) -> bool:
    """Whether only some addresses of this machine have lost the port to another program."""
    if ":" in host:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        try:
            tried.bind((ELSEWHERE, port))
        except OSError:
            return False
    return True


def _near(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


async def answers(host: str, port: int, *, tells_health: bool) -> bool:
    """Whether somebody takes a connection there and, where it can be asked for, tells its health."""
    near = _near(host)
    if tells_health:
        return (await _ask_health(port, near)).startswith(b"HTTP/1.1 ")
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            _, writer = await asyncio.open_connection(near, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _ask_health(port: int, host: str = "127.0.0.1") -> bytes:
    """What whoever listens there answers; empty if it does not speak HTTP, or not in time."""
    answer, writer = b"", None
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = await reader.read(4096)
    except (OSError, TimeoutError):
        pass  # the port is taken all the same
    finally:
        if writer is not None:
            writer.close()
    return answer


def bind_unix(path: Path) -> socket.socket:
    """A bound Unix socket of mode 0600 in a folder of mode 0700; a dead one in its place is removed.

    Who calls this must hold the home's lock: it is what tells a dead socket from a living one.
    """
    _make_private(path.parent)
    try:
        left = os.lstat(path)
    except FileNotFoundError:
        pass  # the usual case
    else:
        if not stat.S_ISSOCK(left.st_mode):
            raise ConfigError(f"{path} is in the way of the daemon's socket: move it away")
        os.unlink(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(opened.fileno(), 0o600)  # on Linux this is the mode with which bind makes the file
        opened.bind(os.fspath(path))
        os.chmod(path, 0o600)
    except OSError as error:
        opened.close()
        raise ConfigError(f"cannot make the daemon's socket {path}: {error.strerror}") from None
    opened.setblocking(False)
    return opened


def unlinker(path: Path) -> Callable[[], None]:
    """What removes the socket file at the end, unless another one has taken its place."""
    made = os.lstat(path)

    def unlink() -> None:
        try:
            now = os.lstat(path)
        except FileNotFoundError:
            return
        if (now.st_dev, now.st_ino) == (made.st_dev, made.st_ino):
            os.unlink(path)

    return unlink


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ConfigError(f"{folder} is not a folder of yours: remove it, the daemon's socket goes there")
    if found.st_mode & 0o077:
        os.chmod(folder, 0o700)
