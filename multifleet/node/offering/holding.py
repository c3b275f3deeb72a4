"""Asks sessions what became of what they hold for their users, for that may have been told while no daemon ran.

Qwen Code repeats its receipt when a message comes again under its id, as its maker documents. Claude Code says when it
rests, which it does not say while it holds a message: what its transcript has not got then, its user did not let in.
"""

import math
from collections.abc import Awaitable, Callable

from multifleet.core.receipts import State
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.offering.clients import SOCKET
from multifleet.node.offering.offers import Offers, Open
from multifleet.sessions.base import Found, OutOfReach, Session, UnknownOutcome, Unreachable
from multifleet.sessions.claude_inbox import ReplySocket
from multifleet.sessions.claude_selftest import TRUSTED
from multifleet.sessions.claude_wire import IdleNotice
from multifleet.sessions.inboxes import Inboxes
from multifleet.sessions.qwen_registry import CLIENT as QWEN
from multifleet.store.store import Store

AGAIN, SOON = 120.0, 10.0
"""Seconds after which the same is asked again: an answer is told once, and may be lost; and where the session was out
of reach."""
PACE = 2.0
"""Seconds between two questions to one session, which takes no more messages than that in the long run."""
UNHEARD = 3.0
"""Seconds without an answer after which the sender is told that the state is an old one."""
NOT_KNOWN = (
    "it was held for its user when that was last heard of; whether it still is, is not known since multifleet was "
    "started again there"
)


class Holding:
    """One for the node."""

    def __init__(
        self,
        offers: Offers,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        inboxes: Inboxes,
        socket_for: Callable[[str], Awaitable[ReplySocket | None]],
    ) -> None:
        self._offers = offers
        self._store = store
        self._clock = clock
        self._counters = counters
        self._inboxes = inboxes
        self._socket_for = socket_for
        self._asked: dict[str, float] = {}
        """By offer, and by session: when, at last."""
        self._unheard: dict[str, float] = {}
        """Offers of whose state an earlier run was told: since when nothing newer is; infinite once that was said."""
        self._wishes: dict[str, str] = {}
        """Ids of our wishes, by the session that has them."""

    async def look(self, found: Found) -> None:
        """Ask where it is time to; after it was looked whether the transcripts tell."""
        held = [offer for offer in self._offers if offer.state == State.HELD and offer.row.via == SOCKET]
        known = {offer.id for offer in held} | {offer.session for offer in held}
        self._asked = {key: at for key, at in self._asked.items() if key in known}
        self._unheard = {key: at for key, at in self._unheard.items() if key in known}
        self._wishes = {key: wish for key, wish in self._wishes.items() if key in known}
        live = {session.session_id: session for session in found.sessions}
        for offer in held:
            session = live.get(offer.session)
            if session is not None and offer.process == (session.pid, session.proc_start):
                await self._look_at(offer, session)

    async def _look_at(self, offer: Open, session: Session) -> None:
        now, is_qwen = self._clock.monotonic(), session.client == QWEN
        if offer.is_old_word and now - self._unheard.setdefault(offer.id, now) > UNHEARD:
            await self._offers.say(offer, State.HELD, NOT_KNOWN)
            self._unheard[offer.id] = math.inf
        if not is_qwen and (not offer.is_old_word or session.version not in TRUSTED):
            return
        about = offer.id if is_qwen else session.session_id  # Claude Code tells of all that it holds at once
        last = self._asked.setdefault(about, -math.inf if offer.is_old_word else now)
        if now < last + AGAIN or now < self._asked.get(session.session_id, -math.inf) + PACE:
            return
        self._asked[about] = self._asked[session.session_id] = now
        try:
            await self._ask(offer, session)
        except (Unreachable, UnknownOutcome) as error:
            self._counters.failed("held_not_asked", session=session.session_id, reason=error)
            if isinstance(error, OutOfReach):
                self._asked[about] = now + SOON - AGAIN

    async def _ask(self, offer: Open, session: Session) -> None:
        row = await self._store.inbox.get(*offer.row.messages[0])
        reply = await self._socket_for(row.from_) if row is not None else None
        if reply is None:
            return
        wish = await self._inboxes.ask_about(session, offer_id=offer.id, reply=reply)
        if wish is not None:
            self._wishes[session.session_id] = wish

    def take_notice(self, word: IdleNotice) -> None:
        """A session of Claude Code rests: none of what it held is held any more."""
        for offer in self._offers:
            asked = self._wishes.get(offer.session) == word.wish_id and word.state == "idle"
            if asked and offer.is_old_word and offer.state == State.HELD:
                offer.unheld_at = self._clock.monotonic()
