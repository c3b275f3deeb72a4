"""L3: repairs of the target's own daemon from outside, by its own `multifleet repair --local` over SSH.

What may be repaired there is the target's list, how often is the target's limit, and no word of a peer's is run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from multifleet.channels.base import ChannelError, Target
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.ssh_running import NOT_FOUND, Ran, printed, run_there
from multifleet.core.ssh_packets import home_line
from multifleet.core.visible import visible

LIMIT = 16 * 1024
"""Bytes that are read of what it prints."""
STEPS = {"daemon": 90.0, "agent": 330.0}
"""The repairs that are asked for, in this order, until one has acted, and the seconds that each has."""


class _Said(msgspec.Struct):
    acted: bool
    detail: str


RunThere = Callable[[Target, tuple[str, ...], bytes, int], Awaitable[Ran]]
"""(peer, words after `multifleet`, standard input, most bytes of output): runs it there; ChannelError where it cannot
be run."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one rung."""

    words: str
    taken_up: bool
    """Whether somebody does something about it, for whom to wait."""
    reached: bool = True
    """Whether it came as far as the peer, or may have."""


def over_ssh(connections: SshConnections) -> RunThere:
    """Runs it by a kept SSH connection."""

    async def run(target: Target, words: tuple[str, ...], stdin: bytes, most: int) -> Ran:
        return await run_there(connections, target, words, stdin, most)

    return run


class Outside:
    """One for the node."""

    def __init__(
        self, run_there: RunThere, why_not: Callable[[Target], str], home_of: Callable[[str], str] = lambda node: ""
    ) -> None:
        """`why_not`: why there is no way to log in to a peer; empty where there is one. `home_of`: a peer's home, where
        a login does not find it by itself."""
        self._run_there = run_there
        self.why_not = why_not
        self.home_of = home_of

    async def repair(self, target: Target) -> Tried:
        """What was done there."""
        if why_not := self.why_not(target):
            return Tried(f"nothing could be done from outside: {why_not}", False, reached=False)
        home = self.home_of(target.node)
        by = ("--by", "ssh") if home else ()
        stdin = home_line(home) if home else b""
        told, reached = [], False
        for name in STEPS:
            try:
                async with asyncio.timeout(STEPS[name]):
                    ran = await self._run_there(target, ("repair", "--local", name, "--json", *by), stdin, LIMIT)
            except TimeoutError:
                told.append(f"{name}: no answer in {STEPS[name]:g} s")
                reached = True
                break
            except ChannelError as error:
                told.append(f"{name}: {error}")
                reached = reached or error.unknown
                break
            reached = reached or ran.status != NOT_FOUND
            said = printed(ran, _Said)
            if said is None:
                words = ran.errors.strip().rpartition("\n")[2] or f"exit status {ran.status}"
                told.append(f"{name}: {visible(words, one_line=True)[:200]}")
                continue
            told.append(f"{name}: {visible(said.detail, one_line=True)[:200]}")
            if said.acted:
                return Tried("; ".join(told), True)
        return Tried("; ".join(told), False, reached)
