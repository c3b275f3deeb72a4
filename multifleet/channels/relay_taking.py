"""The end of P3 that takes: asks the chief for mail, one open question at a time, and takes what any relay brings.

Only the chief is asked: other relays pass on what they hold as soon as they hear this node.
"""

import asyncio
import random
from collections import OrderedDict

import msgspec

from multifleet.channels.base import ChannelError, Here, Target
from multifleet.channels.relay_line import RelayLine, answered_by
from multifleet.core.packets import BadPacket
from multifleet.core.relay_packets import (
    Held,
    RelayGives,
    RelayPass,
    RelayPassed,
    RelayPoll,
    Taken,
    mark_of,
    packed,
    unpacked,
    within_room,
)

WAIT = 25
"""Seconds that a relay may wait for mail before it answers that there is none."""
GRACE = 5.0
"""Seconds more for the answer to come."""
REMEMBERED = 4_096
"""Frames that are known again: a relay that gives them without end is not asked without end."""
PAUSE_FIRST, PAUSE_LAST = 1.0, 10.0
"""Seconds before the same relay is asked again that did not answer, answered at once with nothing, or with rubbish."""
LOOK = 1.0
"""Seconds between two looks at who the chief is."""


class RelayTaking:
    """One for the channel."""

    def __init__(self, here: Here, line: RelayLine) -> None:
        self._here = here
        self._line = line
        self._pause = 0.0
        self._now = asyncio.Event()
        self._useful = 0
        """How many frames came that were good and new."""
        self._known: OrderedDict[str, None] = OrderedDict()

    def start(self) -> None:
        """Take what is brought, and ask the chief."""
        self._here.serve(RelayPass, self._brought)
        self._here.spawn("mail at the relay", self.run)

    def hurry(self) -> None:
        """Wait no longer with the next question."""
        self._pause = 0.0
        self._now.set()

    async def run(self) -> None:
        """Ask for mail, until cancelled."""
        relay, taken = "", list[Taken]()
        while True:
            chief = self._chief()
            if chief is None:
                await self._rest(LOOK)
                continue
            if chief.node != relay:
                relay, taken, self._pause = chief.node, [], 0.0
            asked_at = self._here.monotonic()
            try:
                held = await self._ask(chief, taken)
            except ChannelError as error:
                self._here.count("relay_not_asked", peer=relay, reason=error)
                await self._rest_without(relay)
                continue
            useful = self._useful
            taken = await self._take(held, relay)
            if self._useful > useful or self._here.monotonic() - asked_at >= LOOK:
                self._pause = 0.0
            else:
                await self._rest(self._longer())

    def _chief(self) -> Target | None:
        chief = self._here.chief()
        if chief is None or chief == self._here.node:
            return None
        if len(self._here.targets()) < 2:
            return None  # nobody could have left anything there
        target = self._here.target(chief)
        return target if target is not None and target.addresses else None

    async def _ask(self, relay: Target, taken: list[Taken]) -> list[Held]:
        poll = RelayPoll(wait=WAIT, taken=within_room(taken))
        told = await self._line.ask(relay, poll, WAIT + GRACE, stays=True)
        answered_by(relay.node, told, RelayGives)
        assert isinstance(told, RelayGives)
        self._line.told_port(relay.node, told.port)
        return told.frames

    async def _rest_without(self, relay: str) -> None:
        """Before the same one is asked again; no longer than until it is there again."""
        left, was_there = self._longer(), self._is_there(relay)
        while left > 0:
            await self._rest(min(left, LOOK))
            left -= LOOK
            if self._now.is_set():
                return
            if not was_there and self._is_there(relay):
                self._pause = 0.0
                return

    def _is_there(self, relay: str) -> bool:
        target = self._here.target(relay)
        return target is not None and target.is_there

    def _longer(self) -> float:
        self._pause = min(PAUSE_LAST, 2 * self._pause) if self._pause else PAUSE_FIRST
        return self._pause * (0.75 + random.random() / 2)

    async def _rest(self, seconds: float) -> None:
        self._now.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._now.wait()
        except TimeoutError:
            pass  # the time has come

    async def _brought(self, relay: str, brought: RelayPass) -> msgspec.Struct:
        return RelayPassed(taken=within_room(await self._take(brought.frames, relay)))

    async def _take(self, frames: list[Held], relay: str) -> list[Taken]:
        """All at once, so that they share a commit; their order is in them."""
        return list(await asyncio.gather(*(self._take_one(held, relay) for held in frames)))

    async def _take_one(self, held: Held, relay: str) -> Taken:
        try:
            frame = unpacked(held.frame)
        except BadPacket as error:
            self._here.count("relay_brought_rubbish", peer=relay, reason=error)
            return Taken(mark=held.mark, done=True)
        status, answer = await self._here.receive(frame, f"relay {relay}", "relay", True)
        self._note(frame, status)
        if status not in (200, 409, 507):
            self._here.count("relay_frame_refused", peer=relay, reason=f"HTTP {status}")
        # What cannot be written now is asked for again; what is refused would be refused again.
        return Taken(mark=held.mark, done=status < 500, answer=packed(answer) if answer.startswith(b"mf1 ") else "")

    def _note(self, frame: bytes, status: int) -> None:
        mark = mark_of(frame)
        if status in (200, 409) and mark not in self._known:
            self._useful += 1
            self._known[mark] = None
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
