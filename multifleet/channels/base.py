"""What a channel is: one way to put a frame in front of a peer."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol


class Success(StrEnum):
    """What a channel can know."""

    ANSWERED = "answered"  # the recipient gave an answer frame; what it says is for the node to check
    PARKED = "parked"  # it lies where the recipient will find it
    NUDGED = "nudged"  # a machine was woken, a person or a cloud session was told


@dataclass(frozen=True, slots=True)
class Target:
    """A peer as a channel sees it."""

    node: str
    addresses: tuple[str, ...]
    """ "host:port", best first."""


@dataclass(frozen=True, slots=True)
class Carried:
    """How a delivery ended well."""

    success: Success
    answer: bytes = b""
    """The recipient's answer frame, unverified."""
    where: str = ""
    """The address that answered, or where the frame was parked."""


class ChannelError(Exception):
    """The frame was not carried. `unknown`: it may have arrived all the same."""

    def __init__(self, reason: str, *, unknown: bool = False) -> None:
        super().__init__(reason)
        self.unknown = unknown


class Channel(Protocol):
    """One way to put a frame in front of a peer.

    `deliver` returns once the recipient has answered (or the frame is parked, or somebody was nudged) and raises
    ChannelError if not. It is cancelled when its time is up, and leaves no process, file or connection behind then. It
    never retries and never tries another channel.
    """

    name: ClassVar[str]

    async def start(self, stack: AsyncExitStack) -> None:
        """Make ready; what must be closed is pushed on the stack."""

    async def deliver(self, target: Target, frame: bytes) -> Carried:
        """Carry one frame."""
        ...
