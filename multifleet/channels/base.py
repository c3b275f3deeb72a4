"""What a channel is: one way to put a frame in front of a peer."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol

import msgspec

from multifleet.config import Config, NodeEntry
from multifleet.core.fence import FencedMessage


class Success(StrEnum):
    """What a channel can know."""

    ANSWERED = "answered"  # the recipient gave an answer frame; what it says is for the node to check
    PARKED = "parked"  # it lies where the recipient will find it
    NUDGED = "nudged"  # a machine was woken, a person or a cloud session was told


@dataclass(frozen=True, slots=True)
class Target:
    """A peer as a channel sees it."""

    node: str
    addresses: tuple[str, ...] = ()
    """ "host:port" of its daemon, best first."""
    configured: NodeEntry = field(default_factory=NodeEntry)
    """What this machine's own configuration says of it; empty where it says nothing."""
    key: str = ""
    """Its Ed25519 key, hex."""
    is_there: bool = False
    """Whether it is heard at present."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be carried: one frame, and what only channels that show text are given."""

    frame: bytes
    ids: tuple[str, ...] = ()
    """The messages in it; empty: it only asks whether the way is open."""
    messages: tuple[FencedMessage, ...] = ()
    """The same in the clear; only where CHANNELS says that the channel shows text. What is shown of them is fenced."""
    expires: int = 0
    """Seconds, wall clock of this node: when the last of its messages is over."""


@dataclass(frozen=True, slots=True)
class Carried:
    """How a delivery ended well."""

    success: Success
    answer: bytes = b""
    """The recipient's answer frame, unverified."""
    where: str = ""
    """The address that answered, or where the frame was parked, or who was told."""
    brought: tuple[bytes, ...] = ()
    """Frames that waited there for this node, unverified."""


Carry = Callable[[Target, Parcel], Awaitable[Carried]]
"""Carries one frame to a peer, and brings its answer frame."""


class ChannelError(Exception):
    """The frame was not carried. `unknown`: it may have arrived all the same."""

    def __init__(self, reason: str, *, unknown: bool = False) -> None:
        super().__init__(reason)
        self.unknown = unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """This node as its channels see it: what they may ask of it."""

    node: str
    fleet: Callable[[], str]
    home: Path
    config: Config
    receive: Callable[[bytes, str, str, bool], Awaitable[tuple[int, bytes]]]
    """(frame, where it came from, channel, whether it lay at rest) -> (HTTP status, answer frame)."""
    waiting_for: Callable[[str], Awaitable[bytes | None]]
    """A frame with all that waits here for a peer, messages and receipts; None where nothing does. Handing it out twice
    does no harm."""
    targets: Callable[[], Sequence[Target]]
    """All other members."""
    target: Callable[[str], Target | None]
    """One of them, by its name; None where there is none of it."""
    met_at: Callable[[str], Sequence[str]]
    """Where a member has answered this node, or this machine's user says that it is; not what its card claims."""
    chief: Callable[[], str | None]
    ask: Callable[[str, msgspec.Struct, float], Awaitable[msgspec.Struct]]
    """(peer, packet, seconds) -> what the peer told, over whatever answers at once; ChannelError where nothing does."""
    ask_over: Callable[[str, msgspec.Struct, float, Carry], Awaitable[msgspec.Struct]]
    """The same over a way of the caller's own."""
    serve: Callable[[type[msgspec.Struct], Callable[[str, Any], Awaitable[msgspec.Struct]]], None]
    """Answer packets of this type: the function is given (peer, packet) and gives what is told."""
    spawn: Callable[[str, Callable[[], Awaitable[None]]], None]
    """Run a named loop as long as the node runs; a fault in it is told and it is begun anew."""
    count: Callable[..., None]
    """`count("name")` for a counter; `count("name", peer=..., reason=...)` for a counter and one log line."""
    now: Callable[[], float]
    """Seconds, wall clock as this node keeps it."""
    monotonic: Callable[[], float]
    random: Callable[[int], bytes]


class Channel(Protocol):
    """One way to put a frame in front of a peer.

    `deliver` returns once the recipient has answered (or the frame is parked, or somebody was nudged) and raises
    ChannelError if not. It is cancelled when its time is up, and leaves no process, file or connection behind then. It
    never retries and never tries another channel.
    """

    name: ClassVar[str]

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Make ready; what must be closed is pushed on the stack."""

    def reaches(self, target: Target) -> str:
        """Empty where there is a way to try; else why there is none, for a person: "no SSH login is configured"."""
        ...

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """Carry one frame."""
        ...

    async def mend(self, target: Target) -> str:
        """Let go of everything that is kept for the peer and may be stale, and make it anew; what was done, in words.
        Proves nothing: only a round trip does."""
        ...
