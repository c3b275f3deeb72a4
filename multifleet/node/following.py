"""Finds out what became of offers: from transcripts, from the client's own receipts, from seeds that hooks took.

`seen` and `answered` come from a transcript alone. A conversation that ends before it took an offer up gives it back.
"""

from collections.abc import Callable

from multifleet.core.packets import DETAIL_LIMIT
from multifleet.core.receipts import State
from multifleet.core.transcript import Fact, Sighting
from multifleet.node.clients import HOOKS
from multifleet.node.clock import NodeClock
from multifleet.node.offers import Offers, Open
from multifleet.node.watching import Watching
from multifleet.sessions.base import Found, Session
from multifleet.sessions.claude_wire import Receipt
from multifleet.sessions.seeds import SeedBox

GRACE = 3.0
"""Seconds that an offer without a trace is given after a restart before it is made again."""
BEGINNING, LAST_LINES = 30.0, 1.0
"""Seconds for a session whose start hook was served to appear, and for one that ended to have written all."""
DROPPED_AGAIN, DUPLICATE_AGAIN = 5.0, 30.0
"""Seconds after which an offer that the client dropped is made again."""


class Following:
    """One for the node."""

    def __init__(
        self,
        offers: Offers,
        watching: Watching,
        seeds: SeedBox,
        clock: NodeClock,
        hold_back: Callable[[str, float], None],
    ) -> None:
        self._offers = offers
        self._watching = watching
        self._seeds = seeds
        self._clock = clock
        self._hold_back = hold_back

    async def look(self, found: Found) -> None:
        """Look at every open offer; `found` are the live sessions."""
        live = {session.session_id: session for session in found.sessions}
        for offer in self._offers:
            if self._offers.get(offer.id) is None:
                continue  # its transcript was read with another one's
            session = live.get(offer.session)
            if session is not None:
                offer.met, offer.gone_at = True, None
            if offer.row.via == HOOKS and offer.state == State.OFFERING:
                await self._look_at_seed(offer, session)
            else:
                await self._look_at_transcript(offer, session)

    async def _look_at_transcript(self, offer: Open, session: Session | None) -> None:
        for sighting in self._watching.read(offer.session, session):
            await self._believe(sighting)
        fact = self._watching.fact(offer.session, offer.id)
        if self._offers.get(offer.id) is None or fact is Fact.SEEN:
            return
        if session is None:
            if not self._is_gone(offer):
                return
            if offer.row.via == HOOKS and not self._watching.has_transcript(offer.session):
                self._offers.finish(offer, State.OFFERED)  # shown, and nothing is written down that could tell more
            else:
                await self._offers.give_back(offer, "the session ended before it took it up")
        elif offer.state == State.OFFERING and self._clock.monotonic() - offer.since > GRACE:
            if fact is Fact.NONE:
                await self._offers.give_back(offer, "no trace of it in the session")
            else:
                await self._offers.say(offer, State.OFFERED, "found in the session's transcript")

    def _is_gone(self, offer: Open) -> bool:
        """Whether a session that is not there has ended: it may not have begun, or be writing its last lines."""
        now = self._clock.monotonic()
        if offer.gone_at is None:
            offer.gone_at = now
        return now - offer.gone_at >= (LAST_LINES if offer.met else BEGINNING)

    async def _look_at_seed(self, offer: Open, session: Session | None) -> None:
        for taken in self._seeds.taken(offer.session):
            await self._offers.say(offer, State.OFFERED, "taken by a hook")
            self._seeds.forget(taken)
            return
        if session is not None and self._seeds.waits(offer.session):
            return
        if self._seeds.take_back(offer.session) is None and self._seeds.taken(offer.session):
            return  # a hook was quicker: the next look finds what it took
        await self._offers.give_back(offer, "the session ended before a hook took it")

    async def _believe(self, sighting: Sighting) -> None:
        offer = self._offers.get(sighting.offer_id)
        if offer is None or sighting.fact is not Fact.SEEN:
            return
        if offer.state != State.SEEN:
            await self._offers.say(offer, State.SEEN, "the transcript has output of the model after it")
        if not sighting.ended:
            return
        if sighting.answer:
            await self._offers.say(offer, State.ANSWERED, _shortened(sighting.answer))
        self._offers.finish(offer, State.ANSWERED if sighting.answer else State.SEEN)

    async def take_receipt(self, word: Receipt) -> None:
        """What the client itself says became of an offer."""
        offer = self._offers.get(word.offer_id)
        if offer is None or offer.state in (State.SEEN, State.ANSWERED):
            return
        if word.status == "held":
            await self._offers.say(offer, State.HELD, word.detail or "the session holds it for its user")
        elif word.status == "delivered":
            await self._offers.say(offer, State.OFFERED, "its user let it in")
        elif word.status == "dropped" and not word.detail.startswith("hop-"):
            for _, message_id in offer.row.messages:
                self._hold_back(message_id, DUPLICATE_AGAIN if word.detail == "duplicate" else DROPPED_AGAIN)
            await self._offers.give_back(offer, f"dropped by the client: {word.detail}")
        else:
            await self._offers.say(offer, State.REFUSED, word.detail or f"{word.status} by the session")
            self._offers.finish(offer, State.REFUSED)


def _shortened(answer: str) -> str:
    if len(answer) <= DETAIL_LIMIT:
        return answer
    note = f" [{len(answer)} characters in all]"
    return answer[: DETAIL_LIMIT - len(note)] + note
