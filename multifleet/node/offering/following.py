"""Finds out what became of offers: from transcripts, from the client's own receipts, from seeds that hooks took.

`seen` and `answered` come from a transcript alone. A conversation that ends before it took an offer up gives it back.
"""

from collections.abc import Callable

from multifleet.core.packets import DETAIL_LIMIT
from multifleet.core.receipts import State
from multifleet.core.transcript import Fact, Sighting
from multifleet.node.clock import NodeClock
from multifleet.node.offering.clients import HOOKS, SOCKET
from multifleet.node.offering.offers import Offers, Open
from multifleet.node.offering.watching import Watching, mark_of
from multifleet.sessions.base import Found, Session, Status
from multifleet.sessions.claude_wire import Receipt
from multifleet.sessions.qwen_registry import CLIENT as QWEN
from multifleet.sessions.seeds import SeedBox

GRACE = 10.0
"""Seconds that an offer without a trace is given after a restart before it is made again: one that is slow to write
down what it took would be shown it twice."""
BEGINNING, LAST_LINES = 30.0, 1.0
"""Seconds for a session whose start hook was served to appear, and for one that ended to have written all."""
LAPSE = 3.0
"""Seconds for a session that let a held offer lapse to be gone, which is why, or else to be still there."""
HOOK_READS = 10.0
"""Seconds after which a hook that took a seed has printed it: the client gives it two. Before that the file must stay,
for the hook may have renamed it and not have opened it yet."""
WOKEN_LATE = 10.0
"""Seconds after which a session that rests shows what it was woken with, if it does: it takes a quarter of one."""
STARTED_LATER = 2.0
"""Seconds after an offer at which a process must have started not to be the one it was made to."""
DROPPED_AGAIN, LONG_AGAIN = 5.0, 30.0
"""Seconds after which an offer that the client dropped is made again."""
LONG = ("duplicate", "queue-full")
"""Reasons that do not pass soon."""
UNWRITTEN = 15.0
"""Seconds after which a client that took an offer up has begun a turn with it, and has a file if it keeps one."""


NOT_LET_IN = (
    "its session holds it no more, and has not taken it in: its user declined it, or did not decide in time, while "
    "multifleet was not running there"
)
TO_MATE = "taken by the hook of a team mate that went idle; nothing is written down that could tell more"
WITHDRAWN = "it was withdrawn, because a sender of it was put out of the fleet"


class Following:
    """One for the node."""

    def __init__(
        self,
        offers: Offers,
        watching: Watching,
        seeds: SeedBox,
        clock: NodeClock,
        hold_back: Callable[[str, float], None],
        is_out: Callable[[str], bool] = lambda sender: False,
        turn_to_hooks: Callable[[str], None] = lambda session: None,
        was_killed: Callable[[str], bool] = lambda session: False,
    ) -> None:
        """`turn_to_hooks`: post no more to a session's inbox. `was_killed`: whether a session that wrote nothing down
        was, as its client's own files say."""
        self._offers = offers
        self._watching = watching
        self._seeds = seeds
        self._clock = clock
        self._hold_back = hold_back
        self._is_out = is_out
        self._turn_to_hooks = turn_to_hooks
        self._was_killed = was_killed

    async def look(self, found: Found) -> None:
        """Look at every open offer; `found` are the live sessions."""
        live = {session.session_id: session for session in (*found.sessions, *found.mates)}
        for offer in self._offers:
            if self._offers.get(offer.id) is None:
                continue  # it ended while another one was looked at
            session = live.get(offer.session)
            if session is not None and not _is_other_process(offer, session):
                offer.met, offer.gone_at = True, None
                offer.process = (session.pid, session.proc_start)
            if offer.lies_ready:
                await self._look_at_seed(offer, session)
            else:
                await self._look_at_transcript(offer, session)

    async def withdraw(self) -> None:
        """Take back what lies ready for a hook and is of a machine that was put out; what a hook took, it has shown."""
        await self.take_back(self._is_of_somebody_out, WITHDRAWN)

    async def take_back(self, which: Callable[[Open], bool], reason: str) -> int:
        """Take back what lies ready for a hook, where that is wanted; its messages wait again. How many texts."""
        found = [offer for offer in self._offers if offer.lies_ready and which(offer)]
        for offer in found:
            offer.stale = reason
            await self._look_at_seed(offer, None)
        return len(found)

    def tidy(self) -> None:
        """Clear away seeds that hooks have taken and printed."""
        untold = {offer.session for offer in self._offers if offer.lies_ready}
        self._seeds.clear(self._clock.wall() - HOOK_READS, keep=untold)

    async def _look_at_transcript(self, offer: Open, session: Session | None) -> None:
        await self._watching.read(offer.session, session)
        if self._watching.awaits_end(offer.session) and self._seeds.has_ended(offer.session):
            await self._watching.read(offer.session, session)  # it was said after the last words were written
            self._watching.end_turn(offer.session)
        # What is proven, not what is new: what could not be written down when it was new is told now.
        sighting = self._watching.sighting(offer.session, offer.id)
        fact = sighting.fact
        if fact is Fact.SEEN:
            await self._believe(offer, sighting)
        if self._offers.get(offer.id) is None:
            return
        if session is None or _is_other_process(offer, session):
            if session is not None and fact.height >= Fact.ENTERED.height:
                return  # taken up again with its conversation, of which the message is a part
            if not offer.met and self._watching.has_begun(offer.session):
                offer.met, offer.gone_at = True, None  # it may be about to be met, or have been killed before that
            if self._is_gone(offer):
                await self._end(offer, fact)
        elif sighting.dropped:
            await self._offers.give_back(offer, "the client took it out of the conversation, after an error or a stop")
        elif fact is not Fact.SEEN:
            await self._look_at_state(offer, fact, session)

    async def _end(self, offer: Open, fact: Fact) -> None:
        if fact is Fact.SEEN:
            self._offers.finish(offer, State.SEEN)  # the turn was cut off
        elif self._ended_unseen(offer):
            self._offers.finish(offer, State.OFFERED)  # shown, and nothing is written down that could tell more
        else:
            await self._offers.give_back(offer, "the session ended before it took it up")

    def _ended_unseen(self, offer: Open) -> bool:
        """Whether a session ended by itself that writes nothing down; one that was killed may not have come to that."""
        if offer.row.via != HOOKS or self._watching.has_transcript(offer.session):
            return False
        return not self._was_killed(offer.session)

    async def _look_at_state(self, offer: Open, fact: Fact, session: Session) -> None:
        now = self._clock.monotonic()
        if session.transcript is None and offer.state == State.OFFERED:
            self._offers.finish(offer, State.OFFERED)  # nothing is written down that could tell more
        elif _ends_unseen(offer, session, now, self._watching.has_transcript(offer.session)):
            self._offers.finish(offer, State.OFFERED)
        elif offer.lapsed_at is not None and session.client == QWEN and now - offer.lapsed_at > LAPSE:
            await self._turn_away(offer, "its client kept it for its user, who did not decide in time")
        elif offer.lapsed_at is not None and now - offer.lapsed_at > LAPSE:
            await self._offers.say(offer, State.REFUSED, "the session's user did not decide in time")
            self._offers.finish(offer, State.REFUSED)
        elif offer.unheld_at is not None and fact is Fact.NONE and now - offer.unheld_at > LAPSE:
            await self._offers.say(offer, State.REFUSED, NOT_LET_IN)
            self._offers.finish(offer, State.REFUSED)
        elif fact is not Fact.NONE:
            if offer.state == State.HELD or (offer.state == State.OFFERING and now - offer.since > GRACE):
                await self._offers.say(offer, State.OFFERED, "found in the session's transcript")
        elif offer.state == State.OFFERING and session.status is Status.WAITING:
            offer.since = now  # perhaps it is this offer that its user is asked about, which leaves no trace
        elif offer.state == State.OFFERING and now - offer.since > GRACE:
            await self._offers.give_back(offer, "no trace of it in the session")

    def _is_gone(self, offer: Open) -> bool:
        """Whether a session that is not there has ended: it may not have begun, or be writing its last lines."""
        now = self._clock.monotonic()
        if offer.gone_at is None:
            offer.gone_at = now
        was_there = offer.met or offer.row.via == SOCKET
        return now - offer.gone_at >= (LAST_LINES if was_there else BEGINNING)

    async def _look_at_seed(self, offer: Open, session: Session | None) -> None:
        for taken in self._seeds.taken(offer.session):
            if mark_of(offer.id) in taken.fragment:
                if taken.to_wake:
                    await self._look_at_woken(offer, session, taken.at)
                else:
                    await self._offers.say(offer, State.OFFERED, "taken by a hook")
                return
        reason = self._unwanted(offer)
        if session is not None and reason is None and self._seeds.waits(offer.session):
            return
        if self._seeds.take_back(offer.session) is None and self._seeds.taken(offer.session):
            return  # a hook was quicker: the next look finds what it took
        await self._offers.give_back(offer, reason or "the session ended before a hook took it")

    async def _look_at_woken(self, offer: Open, session: Session | None, at: float) -> None:
        """A program took it to wake its session: that counts only when the client has written it down."""
        await self._watching.read(offer.session, session)
        if self._watching.sighting(offer.session, offer.id).fact is not Fact.NONE:
            await self._offers.say(offer, State.OFFERED, "its client was woken with it")
        elif session is None:
            if self._is_gone(offer):
                await self._offers.give_back(offer, "the session ended before it was woken")
        elif session.lead is not None:
            # a mate is idle again at once: what it was shown, and has not written down, would be shown it for ever
            if session.transcript is None or self._clock.wall() - at > WOKEN_LATE:
                await self._offers.say(offer, State.OFFERED, TO_MATE)
                self._offers.finish(offer, State.OFFERED)
        elif session.status not in (Status.BUSY, Status.WAITING) and self._clock.wall() - at > WOKEN_LATE:
            await self._offers.give_back(offer, "its client did not take what it was to be woken with")

    def _unwanted(self, offer: Open) -> str | None:
        """Why a text that lies ready is not to be shown any more."""
        if self._is_of_somebody_out(offer):
            return WITHDRAWN
        return "expired before a hook took it" if offer.expires <= self._clock.now() else offer.stale

    def _is_of_somebody_out(self, offer: Open) -> bool:
        return any(self._is_out(sender) for sender, _ in offer.row.messages)

    async def _believe(self, offer: Open, sighting: Sighting) -> None:
        if offer.is_digest:  # a line is not a message: none of them is seen, and nothing answers it
            await self._offers.say(offer, State.OFFERED, "the transcript has output of the model after it")
            self._offers.finish(offer, State.OFFERED)
            return
        if offer.state != State.SEEN:
            await self._offers.say(offer, State.SEEN, "the transcript has output of the model after it")
        if not sighting.ended:
            return
        if sighting.answer:
            await self._offers.say(offer, State.ANSWERED, _shortened(sighting.answer))
        self._offers.finish(offer, State.ANSWERED if sighting.answer else State.SEEN)

    async def _turn_away(self, offer: Open, reason: str) -> None:
        """No inbox of its session will have it: it waits again, for hooks or for another session."""
        self._turn_to_hooks(offer.session)
        await self._offers.give_back(offer, reason)

    async def take_receipt(self, word: Receipt) -> None:
        """What the client itself says became of an offer."""
        offer = self._offers.get(word.offer_id)
        if offer is None or offer.state in (State.SEEN, State.ANSWERED):
            return
        if word.client == QWEN and word.status == "dropped" and offer.was_held:
            return  # that was a question about it: what this client has held it does not drop
        offer.is_old_word = False
        offer.was_held = offer.was_held or word.status == "held"
        if word.status == "held":
            await self._offers.say(offer, State.HELD, word.detail or "the session holds it for its user")
        elif word.status == "delivered":
            was_held = offer.state == State.HELD
            offer.since = self._clock.monotonic()
            await self._offers.say(offer, State.OFFERED, "its user let it in" if was_held else "its client took it")
        elif word.status == "expired":
            offer.lapsed_at = self._clock.monotonic()
        elif word.status == "dropped" and not word.detail.startswith("hop-"):
            for _, message_id in offer.row.messages:
                self._hold_back(message_id, LONG_AGAIN if word.detail in LONG else DROPPED_AGAIN)
            await self._offers.give_back(offer, f"dropped by the client: {word.detail}")
        elif word.status == "misaddressed":
            await self._offers.give_back(offer, "the session has begun another conversation")
        elif word.status == "refused" and word.client == QWEN:
            await self._turn_away(offer, "its user's settings refuse messages from outside of it")
        else:
            await self._offers.say(offer, State.REFUSED, word.detail or f"{word.status} by the session")
            self._offers.finish(offer, State.REFUSED)


def _ends_unseen(offer: Open, session: Session, now: float, is_written: bool) -> bool:
    """Whether a client has an offer and keeps no file of its conversation: no more will be known of it."""
    took = offer.state == State.OFFERED and offer.row.via == SOCKET
    return session.client == QWEN and took and not is_written and now - offer.since > UNWRITTEN


def _is_other_process(offer: Open, session: Session) -> bool:
    """Whether a conversation goes on in another process, where nothing of what its former one held is left."""
    if offer.row.via == HOOKS:
        return False
    if offer.process is not None:
        return offer.process != (session.pid, session.proc_start)
    return session.started_at > offer.row.at + STARTED_LATER


def _shortened(answer: str) -> str:
    # a file in JSON can have half of a surrogate pair, which neither the store nor a statement takes
    answer = answer.encode(errors="replace").decode()
    if len(answer) <= DETAIL_LIMIT:
        return answer
    note = f" [{len(answer)} characters in all]"
    return answer[: DETAIL_LIMIT - len(note)] + note
