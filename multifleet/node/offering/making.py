"""Makes offers: their text, and their row on disk before anybody sees it. Which messages, and how they go, others say.

What ended meanwhile is left out, and what may not be shown any more is given back, at the last moment there is.
"""

import uuid
from collections.abc import Callable, Sequence

from multifleet.core.fence import Fenced
from multifleet.core.receipts import State
from multifleet.node.authority.stops import STOPPED
from multifleet.node.offering.clients import HOOKS
from multifleet.node.offering.following import WITHDRAWN
from multifleet.node.offering.gold import Golds, Show
from multifleet.node.offering.offers import Offers, Open, loudest
from multifleet.node.offering.plans import Plan
from multifleet.node.offering.showing import shown_by_hook
from multifleet.store.rows import InboxRow

AGAIN = 1.0
"""Seconds until what was taken back may be shown again."""


class Making:
    """One for the node."""

    def __init__(
        self,
        offers: Offers,
        golds: Golds,
        hold_back: Callable[[str, float], None],
        is_out: Callable[[str], bool],
        is_for_stopped: Callable[[Open], bool],
    ) -> None:
        """`is_out`: whether a sender is no member any more; `is_for_stopped`: whether nothing is shown there now."""
        self._offers = offers
        self._golds = golds
        self._hold_back = hold_back
        self._is_out = is_out
        self._is_for_stopped = is_for_stopped

    async def offer(
        self, offer_id: str, plan: Plan, show: Show, process: tuple[int, str] | None = None
    ) -> tuple[Open, Fenced, list[InboxRow]] | None:
        """An offer that is on disk, with its text: without what has ended until now, and None where that is all."""
        part, is_digest = plan.next_part()
        session = plan.session
        where = (session.session_id, session.cwd)
        fenced, rows = await self._golds.shown(show, offer_id, part, is_digest, where)
        offer = await self._offers.commit(offer_id, rows, session.session_id, session.cwd, plan.way, process, is_digest)
        if offer is None:
            return None
        offer.loudness = loudest(plan.rows)
        offer.waited = frozenset((row.sender, row.id) for row in plan.rows)
        if len(offer.row.messages) < len(rows):
            rows = [row for row in rows if (row.sender, row.id) in offer.row.messages]
            fenced, rows = await self._golds.shown(show, offer_id, rows, is_digest, where)
        return None if await self._is_withdrawn(rows, offer.id) else (offer, fenced, rows)

    async def for_hook(self, session_id: str, cwd: str, rows: list[InboxRow]) -> str:
        """The text that a hook takes along at once; empty where nothing of it may be shown any more."""
        offer_id = str(uuid.uuid4())
        fenced, shown = await self._golds.shown(shown_by_hook, offer_id, rows, False, (session_id, cwd))
        offer = await self._offers.commit(offer_id, shown, session_id, cwd, HOOKS)
        if offer is None or await self._is_withdrawn(shown, offer.id):
            return ""
        await self._offers.say(offer, State.OFFERED, "taken by the hook at the session's start")
        return fenced.text

    async def take_back(self, rows: Sequence[InboxRow], offer_id: str, reason: str) -> None:
        """The messages wait again, for a moment at least."""
        offer = self._offers.get(offer_id)
        if offer is not None:
            await self._offers.give_back(offer, reason)
        for row in rows:
            self._hold_back(row.id, AGAIN)

    async def _is_withdrawn(self, rows: Sequence[InboxRow], offer_id: str) -> bool:
        """Whether a sender was put out, or its recipient stopped, while mail was made ready; the last moment to ask."""
        offer = self._offers.get(offer_id)
        is_stopped = offer is not None and self._is_for_stopped(offer)
        if not is_stopped and not any(self._is_out(row.sender) for row in rows):
            return False
        await self.take_back(rows, offer_id, STOPPED if is_stopped else WITHDRAWN)
        return True
