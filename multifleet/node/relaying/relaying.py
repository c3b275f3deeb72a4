"""The relay itself: any member may hand it a sealed frame for another one.

It passes the frame on and brings the recipient's answer back, or has it on disk before it says so. It reads the first
line of a frame and no more, and forgets a frame on its recipient's word, or when its time is over.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from typing import Any

from multifleet.channels.base import ChannelError, Here, Target
from multifleet.channels.relay import RelayChannel
from multifleet.channels.relay_line import without_relays
from multifleet.core.frame import FrameRefused, read_header
from multifleet.core.relay_packets import (
    FRAMES_LIMIT,
    INNER_LIMIT,
    WAIT_LIMIT,
    Held,
    RelayGives,
    RelayPass,
    RelayPassed,
    RelayPoll,
    RelayPut,
    RelayTook,
    Taken,
    mark_of,
    packed,
    unpacked,
)
from multifleet.errors import StoreDamaged, StoreUnavailable
from multifleet.node.relaying.desks import Desk
from multifleet.store.relayed import Relayed
from multifleet.store.rows import RelayedRow

ROOM = INNER_LIMIT - 8 * 1024
"""Bytes of frames that go out together, so that with all else they stay within one frame."""
BY_POLL = 0.8
"""Seconds that a recipient's open question has to bring its answer: who has gone away may have left one open."""
PASS_SECONDS = 4.0
"""The longest patience that a recipient is given, whatever the sender says: whoever waits here takes others' room."""
PASSED_AT_ONCE = 6
"""Frames of one sender that wait so; a further one is kept, or turned away."""


class Relaying:
    """One for the node."""

    def __init__(self, relayed: Relayed) -> None:
        self._relayed = relayed
        self._desks: dict[str, Desk] = {}
        self._passing: Counter[str] = Counter()
        self._here: Here
        self._stopping = False
        self.port = 0
        """Where this node takes frames beside its usual port; 0: nowhere."""
        self.holds_for: set[str] = set()
        """Recipients of what lies here."""
        self.news = asyncio.Event()
        """Something more lies here."""
        self._times_kept = 0

    @staticmethod
    def wanted(here: Here) -> bool:
        """Whether this machine is to be a relay: where the channel is turned off it is none either."""
        return RelayChannel.name not in here.config.channels.off

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Take frames from now on; at the end nobody waits here any more, and what is under way is kept."""
        self._here = here
        self.holds_for = await self._relayed.recipients()
        here.serve(RelayPut, self.put)
        here.serve(RelayPoll, self.poll)
        stack.callback(self._stop)

    def _stop(self) -> None:
        self._stopping = True
        for desk in self._desks.values():
            desk.give_up()

    async def put(self, sender: str, put: RelayPut) -> RelayTook:
        """Pass a frame on or keep it."""
        frame = unpacked(put.frame)
        try:
            header = read_header(frame)
        except FrameRefused:
            return self._refused(sender, "what is inside is no frame")
        recipient = self._here.target(header.recipient)
        if header.sender != sender:
            return self._refused(sender, "a frame is taken from who sealed it alone")
        if recipient is None:
            return self._refused(sender, f"{header.recipient} is no other member here")
        hears = recipient.is_there or self.desk(recipient.node).is_open(self._here.monotonic())
        if hears and put.patience and not self._stopping and self._passing[sender] < PASSED_AT_ONCE:
            held = Held(mark=mark_of(frame), frame=put.frame)
            self._passing[sender] += 1
            try:
                taken = await self._pass_now(recipient, held, min(PASS_SECONDS, put.patience / 1000))
            finally:
                self._passing[sender] -= 1
            if taken is not None and taken.answer:
                self._here.count("relay_passed_on")
                return RelayTook(outcome="answered", answer=taken.answer, port=self.port)
            if taken is not None and taken.done:
                return self._refused(sender, f"{recipient.node} turned it away without a word")
        if not put.keep:
            why = f"{recipient.node} did not answer here" if hears else f"it does not hear {recipient.node}"
            return RelayTook(outcome="refused", reason=why, port=self.port)
        if not hears and not put.unheard:
            return RelayTook(outcome="refused", hears=False, port=self.port)
        return await self._keep(sender, recipient.node, frame, put.keep)

    async def poll(self, recipient: str, poll: RelayPoll) -> RelayGives:
        """Give out what lies here, as soon as there is something; and forget what was taken."""
        self.settle(recipient, poll.taken)
        desk, later = self.desk(recipient), {taken.mark for taken in poll.taken if not taken.done}
        asks = desk.begin()
        try:
            frames = await self._frames(recipient, desk, later)
            if not frames and poll.wait and not self._stopping:
                try:
                    async with asyncio.timeout(min(poll.wait, WAIT_LIMIT)):
                        await asks.wait()
                except TimeoutError:
                    pass  # there is no mail
                if desk.asks is asks and not self._stopping:
                    frames = await self._frames(recipient, desk, later)
        finally:
            desk.end(asks, self._here.monotonic())
        return RelayGives(frames=frames, port=self.port)

    async def bring(self, recipient: str, frames: Sequence[Held], seconds: float) -> Sequence[Taken]:
        """Take frames to their recipient over whatever answers at once; ChannelError where nothing does."""
        with without_relays():
            told = await self._here.ask(recipient, RelayPass(frames=list(frames)), seconds)
        if not isinstance(told, RelayPassed):
            raise ChannelError(f"{recipient} told something else than was asked", unknown=True)
        self.settle(recipient, told.taken)
        return told.taken

    async def held_for(self, recipient: str, without: Collection[str] = ()) -> list[Held]:
        """The oldest frames that lie here for a member, as many as go out together."""
        if recipient not in self.holds_for:
            return []
        times_kept = self._times_kept
        rows = await self._relayed.waiting(recipient, FRAMES_LIMIT, ROOM, without)
        if not rows and not without and times_kept == self._times_kept:
            self.holds_for.discard(recipient)
        return [Held(mark=row.mark, frame=packed(row.frame)) for row in rows]

    def settle(self, recipient: str, all: Sequence[Taken]) -> None:
        """A recipient has said what it did with frames: it speaks for its own alone."""
        desk = self.desk(recipient)
        for taken in all:
            desk.settle(taken)
        done = [taken.mark for taken in all if taken.done]
        if done and recipient in self.holds_for:
            self._relayed.forget_later(recipient, done)

    def desk(self, recipient: str) -> Desk:
        """Where a member's mail is given out."""
        return self._desks.setdefault(recipient, Desk())

    def forget_desks(self, members: set[str]) -> None:
        """Those of machines that are members no more."""
        for node in self._desks.keys() - members:
            self._desks.pop(node).ring()

    async def _frames(self, recipient: str, desk: Desk, without: set[str]) -> list[Held]:
        handed = desk.take_handed(FRAMES_LIMIT, ROOM)
        if handed:
            return handed
        try:
            return await self.held_for(recipient, without)
        except (StoreUnavailable, StoreDamaged) as error:
            self._here.count("relay_cannot_read", peer=recipient, reason=error)
            return []

    async def _pass_now(self, recipient: Target, held: Held, seconds: float) -> Taken | None:
        """What the recipient says of a frame, if it says so in time."""
        desk = self.desk(recipient.node)
        came = desk.expect(held.mark)
        asked: asyncio.Task[Sequence[Taken]] | None = None
        try:
            async with asyncio.timeout(seconds):
                if desk.is_open(self._here.monotonic()):
                    desk.hand(held)
                    await asyncio.wait([came], timeout=BY_POLL)
                if not came.done() and not recipient.is_there:
                    return None
                if not came.done():
                    asked = asyncio.create_task(self.bring(recipient.node, [held], seconds), name="relay passes on")
                    both: list[asyncio.Future[Any]] = [came, asked]
                    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                    if not came.done() and desk.asks is None:
                        return None
                return await came
        except TimeoutError:
            return None
        finally:
            desk.expect_no_more(held.mark, came)
            if asked is not None:
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)

    async def _keep(self, sender: str, recipient: str, frame: bytes, seconds: int) -> RelayTook:
        until = int(self._here.now()) + seconds
        row = RelayedRow(mark_of(frame), sender, recipient, len(frame), until, frame)
        try:
            parked = await self._relayed.park(row)
        except (StoreUnavailable, StoreDamaged) as error:
            return self._refused(sender, f"this relay cannot write: {error}")
        if parked.refused:
            return self._refused(sender, parked.refused)
        if parked.fresh:
            self._here.count("relay_kept")
        self._times_kept += 1
        self.holds_for.add(recipient)
        self.desk(recipient).ring()
        self.news.set()
        return RelayTook(outcome="parked", port=self.port)

    def _refused(self, sender: str, reason: str) -> RelayTook:
        self._here.count("relay_refused", peer=sender, reason=reason)
        return RelayTook(outcome="refused", reason=reason, port=self.port)
