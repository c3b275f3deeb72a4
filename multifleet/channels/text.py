"""P8: a line in the prompt of an agent at the peer, put there over SSH, for a person to look at. Needs nothing of
multifleet there, and is the last thing that is tried before the cloud.

Only into a pane whose foreground is an agent, whose prompt is shown and empty; nothing presses Enter, for what is sent
by it would be the user's own words. Each message once, and one line in thirty seconds.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import ClassVar

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.ssh_running import run_command
from multifleet.channels.terminals import Run, find_place, type_line
from multifleet.channels.told_once import UNKNOWN, ToldOnce
from multifleet.core.typed_line import typed_line
from multifleet.core.visible import visible

EVERY = 30.0
"""Seconds between two lines for one machine."""
OUTPUT_LIMIT = 2 * 1024 * 1024


class TextChannel:
    """P8."""

    name: ClassVar[str] = "text"

    def __init__(self, connections: SshConnections) -> None:
        self._connections = connections
        self._here: Here
        self._told: ToldOnce
        self._last = 0.0
        """When something was typed by the daemon that ran before this one."""
        self._typed: dict[str, float] = {}
        self._busy: dict[str, asyncio.Lock] = {}

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Nothing is opened."""
        self._here = here
        self._told = ToldOnce(here.home / "told" / "text")
        noted_at = await asyncio.to_thread(self._told.noted_at)
        self._last = here.monotonic() - max(0.0, here.now() - noted_at)
        await self._connections.start(stack, here)

    def reaches(self, target: Target) -> str:
        """Whether a login is configured."""
        return self._connections.why_not(target)

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """Type the messages that were not typed before."""
        if not parcel.messages:
            raise ChannelError("it cannot be tried without telling somebody")
        async with self._busy.setdefault(target.node, asyncio.Lock()):
            told = await self._told_before(parcel.ids)
            fresh = [message for message in parcel.messages if message.id not in told]
            if not fresh:
                became = list(told.values())
                unknown = UNKNOWN in became
                raise ChannelError("it may have been typed there before" if unknown else f"before: {became[0]}")
            self._need_pause(target.node)
            where = await self._type(target, typed_line(fresh), [message.id for message in fresh])
        return Carried(Success.NUDGED, where=where)

    async def mend(self, target: Target) -> str:
        """Nothing is kept but the connection, which others mend."""
        return "nothing is kept that could be stale"

    def _need_pause(self, node: str) -> None:
        now = self._here.monotonic()
        left = self._typed.get(node, self._last) + EVERY - now
        if left > 0:
            raise ChannelError(f"something was typed there lately; again in {left:.0f} s")

    async def _told_before(self, ids: tuple[str, ...]) -> dict[str, str]:
        try:
            return await self._told.of(ids)
        except OSError as error:
            raise ChannelError(f"what was typed before cannot be read ({error.strerror}): nothing is typed") from None

    async def _type(self, target: Target, line: str, ids: list[str]) -> str:
        run = self._runner(target)
        place = await find_place(run)
        await self._note(ids, None)
        before = self._typed.get(target.node, self._last)
        self._typed[target.node] = self._here.monotonic()
        try:
            await type_line(run, place, line, "mf" + self._here.random(8).hex())
        except ChannelError as error:
            if not error.unknown:
                self._typed[target.node] = before
                await self._note(ids, "")
            raise
        where = f"{place.name} on {target.node}: it stands in the prompt, for a person to send"
        await self._note(ids, where)
        return where

    async def _note(self, ids: list[str], became: str | None) -> None:
        try:
            if became is None:
                await self._told.begin(ids)
            else:
                await self._told.end(ids, became)
        except OSError as error:
            raise ChannelError(f"it cannot be noted here ({error.strerror})", unknown=became is not None) from None

    def _runner(self, target: Target) -> Run:
        async def run(command: str, stdin: bytes) -> bytes:
            ran = await run_command(self._connections, target, command, stdin, OUTPUT_LIMIT)
            if ran.status:
                said = visible(ran.errors.strip()[:200], one_line=True) or f"status {ran.status}"
                raise ChannelError(f"{ran.where}: {said}", unknown=ran.status == -1)
            return ran.output

        return run
