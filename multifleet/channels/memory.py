"""A channel inside one process: nodes that joined the same Network hear each other. For tests."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import ClassVar

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target

Receive = Callable[[bytes], Awaitable[bytes]]


@dataclass
class Network:
    """Who can be reached, and what is broken."""

    nodes: dict[str, Receive] = field(default_factory=dict)
    severed: set[str] = field(default_factory=set)
    """Nodes that nothing reaches."""
    answers_lost: set[str] = field(default_factory=set)
    """Nodes that hear, and whose answers never come."""
    silent: set[str] = field(default_factory=set)
    """Nodes towards which frames vanish and nobody says so."""


@dataclass
class MemoryChannel:
    """Joins nodes of one process."""

    name: ClassVar[str] = "memory"

    network: Network

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Nothing to open."""

    def reaches(self, target: Target) -> str:
        """Everybody, until it is tried."""
        return ""

    async def mend(self, target: Target) -> str:
        """Nothing is kept."""
        return "nothing is kept"

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """Hand the frame to the other node's receiving side."""
        receive = self.network.nodes.get(target.node)
        if receive is None or target.node in self.network.severed:
            raise ChannelError(f"no route to {target.node}")
        if target.node in self.network.silent:
            await asyncio.Event().wait()
        answer = await receive(parcel.frame)
        if target.node in self.network.answers_lost:
            raise ChannelError("the answer was lost", unknown=True)
        return Carried(Success.ANSWERED, answer, target.node)
