"""L3: repairs of the target's own daemon from outside, by its own `multifleet repair --local` over SSH.

What may be repaired there is the target's list, how often is the target's limit, and no word of a peer's is run.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from multifleet.channels.base import ChannelError, Target
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.ssh_running import Ran, printed, run_there
from multifleet.core.visible import visible

LIMIT = 16 * 1024
"""Bytes that are read of what it prints."""
STEPS = {"daemon": 90.0, "agent": 330.0}
"""The repairs that are asked for, in this order, until one has acted, and the seconds that each has."""


class _Said(msgspec.Struct):
    acted: bool
    detail: str


RunThere = Callable[[Target, tuple[str, ...], int], Awaitable[Ran]]
"""(peer, words after `multifleet`, most bytes of output): runs it there; ChannelError where it cannot be run."""


def over_ssh(connections: SshConnections) -> RunThere:
    """Runs it by a kept SSH connection."""

    async def run(target: Target, words: tuple[str, ...], most: int) -> Ran:
        return await run_there(connections, target, words, b"", most)

    return run


class Outside:
    """One for the node."""

    def __init__(self, run_there: RunThere, why_not: Callable[[Target], str]) -> None:
        """`why_not`: why there is no way to log in to a peer; empty where there is one."""
        self._run_there = run_there
        self._why_not = why_not

    async def repair(self, target: Target) -> tuple[str, bool]:
        """What was done there, in words, and whether anything was."""
        if why_not := self._why_not(target):
            return f"nothing could be done from outside: {why_not}", False
        told = []
        for name in STEPS:
            try:
                async with asyncio.timeout(STEPS[name]):
                    ran = await self._run_there(target, ("repair", "--local", name, "--json"), LIMIT)
            except TimeoutError:
                told.append(f"{name}: no answer in {STEPS[name]:g} s")
                break
            except ChannelError as error:
                told.append(f"{name}: {error}")
                break
            said = printed(ran, _Said)
            if said is None:
                words = ran.errors.strip().rpartition("\n")[2] or f"exit status {ran.status}"
                told.append(f"{name}: {visible(words, one_line=True)[:200]}")
                continue
            told.append(f"{name}: {visible(said.detail, one_line=True)[:200]}")
            if said.acted:
                return "; ".join(told), True
        return "; ".join(told), False
