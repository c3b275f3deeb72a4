"""What the contract asks of whoever makes a channel ready for it: a peer in every condition, and what came to it.

Each channel has one file beside this one, named as the channel is, with a class Maker. Frames are real ones, from mac1
to mac2, so that it can be told whether an answer is the peer's.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import ClassVar, Protocol

from multifleet.channels.base import Carried, Channel, Parcel, Target
from multifleet.core import frame
from multifleet.core.fence import Authority, FencedMessage
from multifleet.core.frame import FrameRefused
from multifleet.core.keys import PairKeys
from tests.core.wire import MAC1, MAC2, MAC3, NOW, pair
from tests.lab.kernel import children, stat

SETTLES_IN = 20.0
"""Seconds after which nothing may be left of what was cancelled."""
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Letter:
    """A parcel, and whose answer would be an answer to it."""

    parcel: Parcel
    nonce: str

    @classmethod
    def fresh(cls, packet: bytes = b"{}") -> "Letter":
        """A new frame of mac1's for mac2."""
        number = next(_numbers)
        nonce = number.to_bytes(16, "big")
        made = frame.seal(pair(MAC1, MAC2), "mac1", "mac2", NOW, nonce, packet)
        id = f"00000000-0000-7000-8000-{number:012d}"
        shown = FencedMessage(id, "mac1", Authority.AGENT, "context", None, f"a text for {id}", float(NOW))
        return cls(Parcel(made, ids=(id,), messages=(shown,), expires=2_000_000_000), nonce.hex())

    def is_answered_by(self, carried: Carried) -> bool:
        """Whether a node would believe that the peer answered this very frame."""

        def keys(sender: str, kid: str) -> PairKeys | None:
            known = pair(MAC2, MAC1)
            return known if (sender, kid) == ("mac2", known.kid) else None

        try:
            return self.nonce.encode() in frame.open_frame(carried.answer, "mac1", keys, now=None).packet
        except FrameRefused:
            return False


@dataclass
class Recipient:
    """The node behind a peer's channel: keeps the frames that it is given, and answers them under its key."""

    frames: list[bytes] = field(default_factory=list)
    keys: PairKeys = field(default_factory=lambda: pair(MAC2, MAC1))
    name: str = "mac2"

    def answer(self, received: bytes) -> bytes:
        """The signed answer."""
        self.frames.append(received)
        nonce = frame.read_header(received).nonce.encode()
        return frame.seal(self.keys, self.name, "mac1", NOW, next(_numbers).to_bytes(16, "big"), nonce)

    async def receive(
        self, received: bytes, where: str = "", channel: str = "", at_rest: bool = False
    ) -> tuple[int, bytes]:
        """As a node does it."""
        return 200, self.answer(received)


def impostor() -> Recipient:
    """Somebody who says to be mac2 and has none of its keys."""
    return Recipient(keys=pair(MAC3, MAC1))


@dataclass(frozen=True, slots=True)
class Peer:
    """mac2 in some condition, and how to see what came to it: frames, or what it was nudged with."""

    target: Target
    got: Callable[[], Awaitable[Sequence[bytes]]]


async def nothing() -> Sequence[bytes]:
    """Of a peer at which nothing can arrive."""
    return ()


@dataclass
class Scene:
    """Where one test takes place; what the stack closes is closed at its end."""

    folder: Path
    stack: AsyncExitStack
    remembers: set[str] = field(default_factory=set)
    """Folders and files of the home in which the channel is to keep what it did, however that ended."""

    def __post_init__(self) -> None:
        self.home = self.folder / "mac1"
        self.home.mkdir(mode=0o700)

    def notes(self, path: Path) -> bool:
        """Whether a file is what the channel keeps of what it did."""
        return any(path.relative_to(self.home).is_relative_to(kept) for kept in self.remembers)


class Maker(Protocol):
    """One channel made ready: `lacks` names conditions in which no peer of it can be, each with the reason. Where a
    frame may be smaller only than frames are, `largest` says how many bytes that is."""

    name: ClassVar[str]
    lacks: ClassVar[Mapping[str, str]]

    def __init__(self, scene: Scene) -> None: ...

    async def channel(self, stack: AsyncExitStack) -> Channel:
        """The sender's channel, started on this stack, once the peer is there."""
        ...

    async def working(self) -> Peer:
        """A peer that is all right."""
        ...

    async def silent(self) -> Peer:
        """One that takes what it is given and never says a word."""
        ...

    async def refusing(self) -> Peer:
        """One that certainly takes nothing, and where that is told at once."""
        ...

    async def impostor(self) -> Peer:
        """Somebody else in its place."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds of the machine: processes, files and connections, tasks; and files in the home."""

    processes: frozenset[int]
    descriptors: int
    tasks: int
    files: frozenset[str]

    @classmethod
    def now(cls, scene: Scene) -> "Held":
        """One look."""
        return cls(
            processes=frozenset(_descendants(os.getpid())),
            descriptors=len(os.listdir("/proc/self/fd")),
            tasks=len(asyncio.all_tasks()),
            files=frozenset(str(path) for path in scene.home.rglob("*") if path.is_file() and not scene.notes(path)),
        )

    def holds(self, later: "Held") -> bool:
        """Whether a later look shows nothing more."""
        return (
            len(later.processes) <= len(self.processes)
            and later.descriptors <= self.descriptors
            and later.tasks <= self.tasks
            and later.files <= self.files
        )


async def wait_let_go(scene: Scene, before: Held) -> None:
    """Fail unless all that came since is gone soon."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLES_IN):
            while not before.holds(Held.now(scene)):  # noqa: ASYNC110  no event tells it
                await asyncio.sleep(0.01)
    after = Held.now(scene)
    assert before.holds(after), f"left behind: {before} became {after}; {_open_files()}"


def _descendants(pid: int) -> set[int]:
    found = {child for child in children(pid) if stat(child)[0] not in "ZX"}
    return found.union(*map(_descendants, found))


def _open_files() -> list[str]:
    found = []
    for entry in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{entry}"))
    return found
