"""The offers under way: which messages were brought before which conversation, and what was observed of each since.

A message is committed as `offering` before a byte is written, and every state after it is durable before it is stated.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from multifleet.core.ordering import loudness
from multifleet.core.receipts import State
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.offering.clients import HOOKS, SOCKET
from multifleet.node.offering.watching import Watching, mark_of, token_of
from multifleet.store.rows import InboxChange, InboxRow, OfferRow
from multifleet.store.store import Store

_UNDER_WAY = [State.OFFERING, State.HELD, State.OFFERED, State.SEEN]
"""States of messages whose offer is not over, the furthest last."""

ENDED = "a message in it has ended meanwhile"
DIGEST = "one line of it, in a digest"
"""How every statement about a message begins of which no more than that was shown."""


@dataclass(slots=True)
class Open:
    """An offer whose end is not known."""

    row: OfferRow
    state: str
    since: float
    """Monotonic."""
    met: bool = False
    """Whether the session was seen alive since."""
    gone_at: float | None = None
    """When it was first missed; monotonic."""
    lapsed_at: float | None = None
    """When the client said that its user had not decided in time; monotonic."""
    unheld_at: float | None = None
    """When its session said that it holds nothing any more; monotonic."""
    was_held: bool = False
    """Whether its client has ever said so."""
    is_old_word: bool = False
    """Whether its state is what an earlier run was told, and its client may have said more since."""
    process: tuple[int, str] | None = None
    """Process id and start of the client it was made to; None for one of an earlier run that was not met yet."""
    expires: int = 0
    """Wall-clock seconds; the first of its messages to expire."""
    loudness: int = 1
    """Of the most urgent message that it is about, or that waits behind it; 0 is now."""
    waited: frozenset[tuple[str, str]] = frozenset()
    """The messages, sender and id, that waited for its session as it was made; what else waits came later."""
    is_digest: bool = False
    """Whether it shows a line of each message, and no more."""
    rung_at: float = -math.inf
    """When a program was last told to wake its session with it; monotonic."""
    stale: str | None = None
    """Why it is not to be shown any more as it lies ready."""

    @property
    def id(self) -> str:
        """Its id."""
        return self.row.id

    @property
    def lies_ready(self) -> bool:
        """Whether it is a text for a hook that none is known to have taken."""
        return self.row.via == HOOKS and self.state == State.OFFERING

    @property
    def session(self) -> str:
        """The conversation's id."""
        return self.row.session


class Offers:
    """One for the node."""

    def __init__(
        self,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        watching: Watching,
        state_to: Callable[[str], None],
        refusal: Callable[[str], str | None] = lambda sender: None,
    ) -> None:
        """`refusal` says why nothing of a sender is shown any more, if that is so."""
        self._store = store
        self._clock = clock
        self._counters = counters
        self._watching = watching
        self._state_to = state_to
        self._refusal = refusal
        self._open: dict[str, Open] = {}

    def __iter__(self) -> Iterator[Open]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    async def load(self) -> None:
        """Take up what an earlier run left open."""
        now = self._clock.monotonic()
        for row in await self._store.offers.open():
            # Which offer a message is in, and how far it got, is what its own row says: that was durable first.
            found = [await self._store.inbox.get(sender, id) for sender, id in row.messages]
            mine = [one for one in found if one is not None and one.offer == row.id and one.state in _UNDER_WAY]
            if not mine:
                self._store.offers.change_later(row.id, "void", finished=True)
                continue
            row = msgspec.structs.replace(row, messages=tuple((one.sender, one.id) for one in mine))
            state = max((State(one.state) for one in mine), key=_UNDER_WAY.index)
            opened = self._open[row.id] = Open(
                row, state, now, expires=min(one.expires for one in mine), loudness=loudest(mine)
            )
            opened.was_held = opened.is_old_word = state == State.HELD
            opened.is_digest = (row.detail or "").startswith(DIGEST)
            if len(mine) < len(found):
                opened.stale = ENDED
            self._watch(row, new=False)

    def get(self, offer_id: str) -> Open | None:
        """An open offer."""
        return self._open.get(offer_id)

    def lies_ready(self, offer_id: str | None) -> bool:
        """Whether it is a text for a hook that none is known to have taken."""
        offer = self._open.get(offer_id or "")
        return offer is not None and offer.lies_ready

    async def commit(
        self,
        id: str,
        rows: Sequence[InboxRow],
        session_id: str,
        cwd: str,
        via: str,
        process: tuple[int, str] | None = None,
        is_digest: bool = False,
    ) -> Open | None:
        """Note that these messages are about to be brought before a conversation, as the offer `id`.

        Those that have ended meanwhile are not in it; None where that is so of all.
        """
        now = self._clock.now()
        row = OfferRow(
            id=id,
            session=session_id,
            via=via,
            at=now,
            state=State.OFFERING,
            messages=tuple((one.sender, one.id) for one in rows),
            transcript=cwd,
            detail=DIGEST if is_digest else None,
        )
        await self._store.offers.add(row)
        changes = [InboxChange(one.sender, one.id, State.OFFERING, now, None, session_id, row.id) for one in rows]
        moved = await self._store.inbox.advance(changes, say=False)
        rows = [one for one, is_open in zip(rows, moved, strict=True) if is_open]
        if not rows:
            self._store.offers.change_later(row.id, "void", finished=True)
            return None
        row = msgspec.structs.replace(row, messages=tuple((one.sender, one.id) for one in rows))
        opened = self._open[row.id] = Open(
            row,
            State.OFFERING,
            self._clock.monotonic(),
            process=process,
            expires=min(one.expires for one in rows),
            loudness=loudest(rows),
            is_digest=is_digest,
        )
        self._watch(row, new=True)
        return opened

    async def say(self, offer: Open, state: State, detail: str) -> None:
        """State to the senders what was observed of an offer."""
        now = self._clock.now()
        if offer.is_digest:
            detail = f"{DIGEST}: {detail}"
        await self._store.inbox.advance(
            [InboxChange(sender, id, state, now, detail, offer.session, offer.id) for sender, id in offer.row.messages]
        )
        offer.state = state
        self._store.offers.change_later(offer.id, state, detail[:200])
        for sender in {sender for sender, _ in offer.row.messages}:
            self._state_to(sender)

    async def answered(self, row: InboxRow, detail: str) -> None:
        """A reply to a received message was sent from here."""
        change = InboxChange(row.sender, row.id, State.ANSWERED, self._clock.now(), detail)
        if any(await self._store.inbox.advance([change])):
            self._state_to(row.sender)
            for offer in self:
                if (row.sender, row.id) in offer.row.messages:
                    offer.stale = ENDED

    async def give_back(self, offer: Open, reason: str) -> None:
        """The conversation did not take it up: the messages wait again, unless their sender was put out meanwhile.

        A sender that was told that it is held is told that it is not any more.
        """
        now = self._clock.now()
        changes = []
        for sender, id in offer.row.messages:
            words = self._refusal(sender)
            changes.append(InboxChange(sender, id, State.REFUSED if words else State.STORED, now, words or reason))
        was_held = offer.state == State.HELD
        again = [change for change in changes if change.state == State.STORED]
        await self._store.inbox.advance([change for change in changes if change not in again], say=False)
        await self._store.inbox.advance(again, say=was_held)
        if was_held:
            for sender in {change.sender for change in again}:
                self._state_to(sender)
        self._counters.count("offers_given_back")
        self.finish(offer, "given back")

    def _watch(self, row: OfferRow, *, new: bool) -> None:
        token = token_of(row.id) if row.via == SOCKET else mark_of(row.id)
        self._watching.watch(row.session, row.transcript or "/", row.id, token, new=new)

    def finish(self, offer: Open, state: str) -> None:
        """Nothing more will be observed of it."""
        self._open.pop(offer.id, None)
        self._watching.forget(offer.session, offer.id)
        self._store.offers.change_later(offer.id, state, finished=True)


def loudest(rows: Iterable[InboxRow]) -> int:
    """How urgent the most urgent of some messages is, from 0 for now."""
    return min(map(loudness, rows))
