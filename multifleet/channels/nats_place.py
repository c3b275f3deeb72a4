"""Which NATS server this node uses: the user's own, the one that it runs itself as the chief, or the chief's.

What the chief told is kept in the home, so that a daemon finds back while the chief's own daemon cannot be asked.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

import msgspec

from multifleet.channels.base import ChannelError, Here, Target
from multifleet.channels.nats_host import NatsHost
from multifleet.channels.nats_servers import Server, of_chief, of_urls
from multifleet.core.nats_packets import NatsAsk, NatsTold
from multifleet.private_files import private_folder, read_private, write_private

ASK_SECONDS = 2.5
SOON, LATER = 3.0, 20.0
"""Seconds until the next look where there is no server: when the chief is there, and when it is not."""


class NoServer(Exception):
    """There is none to connect to; the message says why. `again`: seconds until the next look."""

    def __init__(self, reason: str, again: float) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True, slots=True)
class Place:
    """Servers of which any will do, and what this node does there."""

    fleet: str
    chief: str
    """Whose server it is; empty where it is the user's."""
    servers: tuple[Server, ...]
    replicas: int
    keeps_for: Callable[[], Collection[str]]
    """The nodes for which this one has the server keep a queue; none where the chief does."""
    is_gone: Callable[[str], bool]
    """Whether a node is no member any more, so that what it left there, and what waits for it, is to be removed."""
    is_host: bool = False
    """Whether this node runs the server, on which then is nothing but this fleet's."""


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fleet: str
    chief: str
    key: str
    told: NatsTold


class NatsPlace:
    """One for a node."""

    def __init__(self, here: Here, host: NatsHost) -> None:
        self._here = here
        self._host = host
        self._file = here.home / "nats" / "chief.json"
        self._forgotten = False
        self._rounds = 0
        self._seen: set[str] = set()

    def forget(self) -> None:
        """What the chief told is of no use any more."""
        self._forgotten = True

    def is_still(self, place: Place) -> bool:
        """Whether a place that was found is the one to be at."""
        chief = "" if self._here.config.natsUrl else self._here.chief() or ""
        return (place.fleet, place.chief) == (self._here.fleet(), chief)

    def outlook(self) -> object:
        """Something that differs once it is worth looking again."""
        chief = self._here.chief()
        there = self._here.target(chief) if chief else None
        return self._here.fleet(), chief, there is not None and there.is_there, self._host.runs

    async def find(self) -> Place:
        """Where to connect now; NoServer where there is nothing."""
        config, here = self._here.config, self._here
        if config.natsUrl:
            return self._users()
        chief = here.chief()
        if chief is None:
            raise NoServer("there is no chief that would have a NATS server, and natsUrl names none", LATER)
        if chief == here.node:
            servers = self._host.own()
            if not servers:
                nobody = "" if here.targets() else "there is nobody else in the fleet"
                raise NoServer(self._host.problem or nobody or "the NATS server here is being started", SOON)
            return Place(here.fleet(), chief, servers, 1, self._everybody, self._is_stranger, is_host=True)
        target = here.target(chief)
        if target is None or not target.addresses:
            raise NoServer(f"{chief}, the chief, has no address that is known", LATER)
        told = await self._told(target)
        return Place(here.fleet(), chief, of_chief(told, here.node, target.addresses), 1, tuple, self._is_gone)

    def _users(self) -> Place:
        config, here = self._here.config, self._here
        try:
            servers = of_urls(config.natsUrl, config.natsCredentials, config.natsCertificate)
        except (ValueError, OSError) as error:
            raise NoServer(f"natsUrl cannot be used: {error}", LATER) from None
        self._rounds += 1
        first = (self._rounds + here.random(1)[0]) % len(servers)
        return Place(
            here.fleet(),
            "",
            (*servers[first:], *servers[:first]),
            3 if len(servers) >= 3 else 1,
            lambda: (here.node,),
            self._is_gone,
        )

    def _everybody(self) -> Collection[str]:
        return {self._here.node, *(target.node for target in self._here.targets())}

    def _is_stranger(self, node: str) -> bool:
        return node not in self._everybody()

    def _is_gone(self, node: str) -> bool:
        """The same on a server that others may use as well: only of a member that went while this daemon ran."""
        members = self._everybody()
        self._seen.update(members)
        return node in self._seen and node not in members and self._here.chief() == self._here.node

    async def _told(self, chief: Target) -> NatsTold:
        kept = None if self._forgotten else self._read(chief)
        if kept is not None:
            return kept
        try:
            async with asyncio.timeout(ASK_SECONDS + 0.5):
                told = await self._here.ask(chief.node, NatsAsk(), ASK_SECONDS)
        except (ChannelError, TimeoutError) as error:
            why = str(error) or "no answer in time"
            again = SOON if chief.is_there else LATER
            if (kept := self._read(chief)) is not None:
                self._forgotten = False  # what it told last is all there is
                return kept
            raise NoServer(f"{chief.node}, the chief, cannot be asked for its NATS server: {why}", again) from None
        if not isinstance(told, NatsTold) or not told.port:
            problem = told.problem if isinstance(told, NatsTold) else "it answers in another language"
            raise NoServer(f"{chief.node}, the chief, has no NATS server: {problem or 'it does not say why'}", SOON)
        self._forgotten = False
        text = msgspec.json.encode(_Kept(self._here.fleet(), chief.node, chief.key, told))
        await asyncio.to_thread(self._keep, text)
        return told

    def _keep(self, text: bytes) -> None:
        """Blocks for the disk."""
        private_folder(self._file.parent)
        write_private(self._file, text)

    def _read(self, chief: Target) -> NatsTold | None:
        found = read_private(self._file)
        if found is None:
            return None
        try:
            kept = msgspec.json.decode(found, type=_Kept)
        except msgspec.MsgspecError:
            return None
        same = (kept.fleet, kept.chief, kept.key) == (self._here.fleet(), chief.node, chief.key)
        return kept.told if same and kept.told.port else None
