"""Values of the configuration that are of the right kind and of no use all the same: they keep no daemon from starting,
and what they were meant for does not work. Contacts nobody."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from multifleet.channels.git_remote import BadRemote, remote_of
from multifleet.channels.nats_servers import of_urls
from multifleet.config import ChannelSettings, Config, NodeEntry, load, project_of, split_address
from multifleet.config_words import A_TEXT, has_token
from multifleet.core.magic_packet import read_mac
from multifleet.core.routine import read_address
from multifleet.core.routing import CHANNELS, ROUTES, route
from multifleet.errors import ConfigError
from multifleet.node.checks.config import fault
from multifleet.node.checks.finding import Finding, fail, ok
from multifleet.node.roster.roles import ROLES

BESIDES = ("sync", "repair")
"""Types that only daemons send: whoever turns off all that they may take gives up that alone."""
SHOWN = 60
"""Characters of a value that are repeated."""
_NO_PORT = -1
_HOSTS = ("host", "lan_ip", "mdns_name", "tailscale_ip")


@dataclass(frozen=True, slots=True)
class Useless:
    """One value."""

    says: str
    """Which, and what is wrong with it."""
    remedy: str

    def __str__(self) -> str:
        return f"{self.says}: {self.remedy}"


def useful(home: Path, config_too: bool = False) -> Finding:
    """Every value that a daemon which starts now could make no use of; `config_too`: the check of that name is asked
    as well, and says why nothing can be read. Blocks."""
    try:
        config = load(home, project_of(Path.cwd(), home))
    except ConfigError as error:
        if config_too:
            return ok("not looked at: config says why")
        unread = fault(error)
        return replace(unread, says=f"not looked at: {unread.says}")
    found = [*useless(config), *missing(config)]
    if not found:
        return ok("every value can be used")
    if len(found) == 1:
        return fail(found[0].says, found[0].remedy)
    return fail("; ".join(map(str, found)), "mend each in config.json; it counts from the next start of the daemon")


def useless(config: Config, environ: Mapping[str, str] = os.environ) -> Iterator[Useless]:
    """Those that can be told by looking at them."""
    yield from _git(config)
    yield from _nats(config, environ)
    yield from _cloud(config)
    yield from _routes("channels", config.channels)
    for address in config.advertise:
        if _split(address) is None:
            yield Useless(f"advertise holds {_shown(address)}, which is no address", 'write "host" or "host:port"')
    if config.chief is not None:
        yield from _host("chief.host", config.chief.host, "chief.port")
    for node, entry in config.nodes.items():
        yield from _node(f"nodes.{node}", entry)
        if entry.channels != ChannelSettings():
            yield from _routes(f"nodes.{node}.channels", config.channels, entry.channels)


def missing(config: Config) -> Iterator[Useless]:
    """Files and folders of this machine that are named and cannot be used. Blocks."""
    try:
        remote = remote_of(config.git.remote) if config.git.remote else None
    except BadRemote:
        remote = None  # told already
    if remote is not None and remote.is_local:
        if why_not := remote.why_not():
            yield Useless(f"git.remote: {why_not}", f"git init --bare {remote.url}, or name another repository")
        elif not any(os.path.isdir(os.path.join(remote.url, place)) for place in ("objects", ".git")):
            yield Useless(f"git.remote: {remote.url} is no git repository", f"git init --bare {remote.url}")
    named = {"natsCredentials": config.natsCredentials, "natsCertificate": config.natsCertificate}
    named |= {"allowedSigners": config.allowedSigners, "signingKey": config.signingKey}
    named |= {f"nodes.{node}.ssh_key": entry.ssh_key for node, entry in config.nodes.items()}
    for key, path in named.items():
        if path and not os.access(os.path.expanduser(path), os.R_OK):
            yield Useless(
                f"{key} is {_shown_path(path)}, which cannot be read", "name the right file, or mend its rights"
            )


def _git(config: Config) -> Iterator[Useless]:
    remote = config.git.remote
    try:
        if remote:
            remote_of(remote)
    except BadRemote as error:
        found = "" if "@" in remote else f" (it is {_shown(remote)})"  # what stands before an @ may be a password
        yield Useless(f"{error}{found}", "docs/git.md says how to set it up")


def _nats(config: Config, environ: Mapping[str, str]) -> Iterator[Useless]:
    name = "$NATS_URL" if environ.get("NATS_URL") else "natsUrl"
    if not config.natsUrl:
        for key in ("natsCredentials", "natsCertificate"):
            if getattr(config, key):
                yield Useless(f"{key} is set and natsUrl is not, so it is not used", "set natsUrl as well")
        return
    try:
        of_urls(config.natsUrl)
    except ValueError as error:
        remedy = 'write "nats://HOST:4222" or "tls://HOST:4222", or take it out: then the chief runs a server'
        yield Useless(f"{name} cannot be used ({error})", remedy)


def _cloud(config: Config) -> Iterator[Useless]:
    routine = config.cloud.routine
    if routine and read_address(routine) is None:
        yield Useless(
            f"cloud.routine is {_shown(routine)}, which is no https address", "copy it from the routine's page"
        )
    if config.cloud.lastResort and not routine:
        yield Useless("cloud.lastResort is true and cloud.routine is empty", "set cloud.routine (docs/cloud.md)")


def _node(key: str, entry: NodeEntry) -> Iterator[Useless]:
    if entry.role and entry.role not in ROLES:
        yield Useless(f"{key}.role is {_shown(entry.role)}, which is no role", "write chief, captain or worker")
    if entry.mac_address and read_mac(entry.mac_address) is None:
        yield Useless(
            f"{key}.mac_address is {_shown(entry.mac_address)}, which is no address of a network card",
            'write it like "02:00:00:00:00:11"',
        )
    for field in _HOSTS:
        yield from _host(f"{key}.{field}", getattr(entry, field), f"{key}.port")


def _host(key: str, host: str, port_key: str) -> Iterator[Useless]:
    if not host or "%" in host:
        return  # a zone of IPv6 is of use over SSH
    split = _split(host)
    if split is None:
        yield Useless(f"{key} is {_shown(host)}, which is no host name or address", "write a name or an address alone")
    elif split[1] != _NO_PORT:
        yield Useless(f"{key} is {_shown(host)}, with a port in it", f"put {split[1]} into {port_key}")


def _routes(key: str, *said: ChannelSettings) -> Iterator[Useless]:
    """Types that no channel may carry; the last settings are those of `key`."""
    there = [name for name, facts in CHANNELS.items() if facts.priority]
    routes: Mapping[Any, Sequence[str]] = said[-1].routes
    for type in ROUTES:
        own = routes.get(type)
        if own == ():
            yield Useless(
                f"{key}.routes.{type} is empty, so that nothing of type {type} is sent",
                "name the channels that may carry it, or take it out",
            )
        elif type not in BESIDES and not route(type, there, *said) and (len(said) == 1 or route(type, there, said[0])):
            what = f"{key}.routes.{type} names only channels that are turned off" if own else f"{key}.off has them all"
            yield Useless(f"{what}, so that nothing of type {type} is sent", f"take one out of {key}.off")


def _split(address: str) -> tuple[str, int] | None:
    try:
        return split_address(address, _NO_PORT)
    except ValueError:
        return None


def _shown_path(path: str) -> str:
    return json.dumps(path) if path.startswith(("/", "~", ".")) else _shown(path)


def _shown(value: str) -> str:
    if "@" in value or has_token(value):
        return A_TEXT  # what stands before an @ may be a password
    return json.dumps(value if len(value) <= SHOWN else value[: SHOWN - 3] + "...")
