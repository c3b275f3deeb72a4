"""What a user asks about messages: their story with its proofs, what came, what left, what was given up."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from multifleet.core import packets
from multifleet.core.fence import Authority
from multifleet.core.packets import Message, Statement
from multifleet.core.receipts import FINAL, State, current, hopeless, is_stated_by, reached
from multifleet.errors import BadInput, UnknownMessage
from multifleet.node.authority.persons import Persons, Proof
from multifleet.node.clock import NodeClock
from multifleet.node.delivery.sending import Sending
from multifleet.node.delivery.tracker import Tracker
from multifleet.node.events import INBOX, Events
from multifleet.node.members import Members
from multifleet.operations.message_views import VerifiedView
from multifleet.operations.views import Accepted, InboxView, OutboxView, ReceiptView, TraceEvent, TraceView
from multifleet.store.rows import InboxRow, OutboxRow, ReceiptRow
from multifleet.store.store import Store

OFFSET_ERROR = 2.0
"""Seconds by which a peer's clock may seem off while it is not: its time is learned from whole seconds."""


class Messages:
    """One for the node."""

    def __init__(
        self,
        members: Members,
        store: Store,
        clock: NodeClock,
        sending: Sending,
        tracker: Tracker,
        events: Events,
        persons: Persons,
    ) -> None:
        self._members = members
        self._persons = persons
        self._store = store
        self._clock = clock
        self._sending = sending
        self._tracker = tracker
        self._events = events
        self.send = sending.send
        self.until = tracker.until

    async def reply(self, id: str, body: str, **how: Any) -> Accepted:
        """Answer a received message; `id` may be the start of one."""
        return await self._sending.reply(await self._received(id), body, **how)

    async def retry(self, id: str) -> Accepted:
        """Try a message again that was given up."""
        return await self._sending.retry(await self._sent_id(id))

    async def trace(self, id: str, verify: bool = False) -> TraceView:
        """The whole story of a message that was sent from here, or that came here."""
        found = [] if "/" in id else await self._store.outbox.find(id) if len(id) < 36 else [id]
        if len(found) > 1:
            raise BadInput(f"{len(found)} messages begin with {id}: give more of the id")
        rows = await self._store.outbox.get(found[0]) if found else []
        if rows:
            return await self._sent_story(rows[0], verify)
        return _received_story(await self._received(id))

    async def wait(self, id: str, state: str | None, timeout: float | None, known: int | None = None) -> TraceView:
        """The story, once the state is reached or can no more be, more than `known` events are there, or time is up."""
        wanted = _state(state) if state else None
        of_sender, slash, _ = id.rpartition("/")
        full = (await self.trace(id)).id
        id = of_sender + slash + full  # whatever else comes meanwhile
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        with self._events.watching(full) as event:
            while True:
                event.clear()
                story = await self.trace(id)
                now = State(story.state)
                if wanted is not None and (reached(now, wanted) or hopeless(now, wanted)):
                    break
                if known is not None and len(story.events) > known:
                    break
                left = None if deadline is None else deadline - self._clock.monotonic()
                try:
                    async with asyncio.timeout(left):
                        await event.wait()
                except TimeoutError:
                    break
        return msgspec.structs.replace(story, reached=None if wanted is None else reached(now, wanted))

    async def inbox(self, seat: str | None, unread: bool, limit: int) -> list[InboxView]:
        """Received messages, newest first."""
        return [self._view(row) for row in await self._store.inbox.listing(limit, unread, seat)]

    async def read(self, id: str) -> InboxView:
        """One received message, marked as read by a person."""
        row = await self._received(id)
        await self._store.inbox.mark_read(row.sender, row.id, self._clock.now())
        self._events.happened(INBOX)
        return msgspec.structs.replace(self._view(row), unread=False)

    def _view(self, row: InboxRow) -> InboxView:
        member = self._members.get(row.sender)
        is_same = member is not None and member.row.ed25519.hex() == row.sender_key
        return _view(row, row.sender_key[:KEY_SHOWN] if row.sender_key and not is_same else None)

    async def verify(self, id: str) -> VerifiedView:
        """Whose words a message is, as far as a signature proves it now; of a received one where both have the id, for
        that is what is shown, and its sender chose it."""
        sent = [] if "/" in id or await self._store.inbox.find(id) else await self._store.outbox.find(id)
        if len(set(sent)) > 1:
            raise BadInput(f"{len(set(sent))} messages begin with {id}: give more of the id")
        if sent:
            left = (await self._store.outbox.get(sent[0]))[0]
            message = packets.read(left.packet, Message)
            return _verified(message, await self._persons.examine(message, message.created))
        row = await self._received(id)
        if row.packet is None:
            authority = _proved_authority(row.authority, is_proved=False)
            return VerifiedView(
                row.id, row.from_, row.to, authority, False, "nobody signed it", shown_as=row.authority
            )
        message = packets.read(row.packet, Message)
        return _verified(message, await self._persons.examine(message, row.stored_at), row.authority)

    async def outbox(self, peer: str | None, limit: int) -> list[OutboxView]:
        """Sent messages, newest first."""
        if peer:
            self._members.need(peer)
        rows = await self._store.outbox.listing(limit, peer)
        lying = [row.id for row in rows if row.state == State.SENT and row.closed_at is None]
        since = await self._store.receipts.sent_at(lying) if lying else {}
        return [_sent_view(row, since.get((row.id, row.peer))) for row in rows]

    async def dead(self, limit: int) -> list[OutboxView]:
        """Sent messages that were given up or turned away."""
        return [_sent_view(row) for row in await self._store.outbox.dead(limit)]

    async def receipts(self, id: str | None, limit: int) -> list[ReceiptView]:
        """Statements about sent messages, newest first."""
        if id is None:
            rows = await self._store.receipts.listing(limit)
        else:
            rows = list(reversed(await self._store.receipts.of(await self._sent_id(id))))[:limit]
        return [
            ReceiptView(row.message_id, row.peer, row.state, row.at, row.by, row.channel, row.detail, row.attempt)
            for row in rows
        ]

    async def _sent_story(self, row: OutboxRow, verify: bool) -> TraceView:
        receipts = [one for one in await self._store.receipts.of(row.id) if one.peer == row.peer]
        node = self._members.identity.node
        state = current(((State(one.state), one.by, one.seq) for one in receipts), node)
        if state in FINAL and row.closed_at is None:
            state = State(row.state)  # it was given up, and is being tried again
        events = [
            TraceEvent(
                state=one.state,
                at=one.at,
                by=one.by,
                channel=one.channel,
                detail=one.detail,
                attempt=one.attempt,
                verified=self._is_good(one) if verify else None,
            )
            for one in _once(self._in_order(receipts, row.peer))
        ]
        return TraceView(
            id=row.id,
            from_=row.sender,
            to=row.to,
            type=row.type,
            state=state,
            events=events,
            reason=row.reason if state in (State.QUEUED, State.SENT) or state in FINAL else None,
            ended=state in FINAL,
        )

    def _in_order(self, receipts: Sequence[ReceiptRow], peer: str) -> list[ReceiptRow]:
        """By time, as far as the peer's clock can be believed; what it stated stays in its own order."""
        node = self._members.identity.node
        member = self._members.get(peer)
        ahead = (member.offset or 0.0) if member is not None else 0.0
        if member is None or abs(ahead) < max(OFFSET_ERROR, member.offset_bound) or peer == node:
            ahead = 0.0
        own = sorted((one for one in receipts if one.seq is None or one.by == node), key=lambda one: one.at)
        theirs = sorted((one for one in receipts if one.seq is not None and one.by != node), key=_place)
        latest = own[0].at if own else 0.0  # nobody stated anything about a message before it was accepted here
        timed = [(one.at, 0, one) for one in own]
        for one in theirs:
            latest = max(latest, one.at - ahead)
            timed.append((latest, 1, one))
        return [one for _, _, one in sorted(timed, key=lambda entry: entry[:2])]

    def _is_good(self, row: ReceiptRow) -> bool:
        node = self._members.identity.node
        own = row.seq is None
        # What this node stated to itself before its own key was one of its identity is still proved by the other.
        keys = [self._members.own_receipts, *self._members.receipt_keys(node)] if own else []
        keys = keys or self._members.receipt_keys(row.peer)
        if row.by != (node if own else row.peer):
            return False
        try:
            said = Statement(
                seq=row.seq or 0,
                id=row.message_id,
                state=row.state,
                at=round(row.at * 1000),
                channel=row.channel or "",
                attempt=row.attempt,
                detail=row.detail or "",
                mac=row.mac,
            )
            return any(is_stated_by(key, row.by, row.peer if own else node, said) for key in keys)
        except (TypeError, ValueError):
            return False

    async def _sent_id(self, id: str) -> str:
        found = await self._store.outbox.find(id)
        if len(set(found)) > 1:
            raise BadInput(f"{len(found)} messages begin with {id}: give more of the id")
        if not found:
            raise UnknownMessage(f"no message {id} was sent from here: multifleet outbox lists what was")
        return found[0]

    async def _received(self, id: str) -> InboxRow:
        sender, _, start = id.rpartition("/")
        found = [one for one in await self._store.inbox.find(start) if sender in ("", one[0])]
        if len({one for _, one in found}) > 1:
            raise BadInput(f"{len(found)} messages begin with {id}: give more of the id")
        if len(found) > 1:  # each sender chooses its ids
            named = " or ".join(f"{of}/{one}" for of, one in found)
            raise BadInput(f"{len(found)} machines sent a message with this id: say which one is meant: {named}")
        row = await self._store.inbox.get(*found[0]) if found else None
        if row is None:
            raise UnknownMessage(f"no message {id} here: multifleet inbox and multifleet outbox list what there is")
        return row


def _proved_authority(claimed: str, *, is_proved: bool) -> str:
    """Whose words a message is: a person's where that is proved, and only there."""
    if is_proved:
        return Authority.HUMAN.value
    return Authority.AGENT.value if claimed == Authority.HUMAN else claimed


def _verified(message: Message, proof: Proof, shown_as: str | None = None) -> VerifiedView:
    return VerifiedView(
        id=message.id,
        from_=message.from_,
        to=message.to,
        authority=_proved_authority(shown_as or message.authority, is_proved=bool(proof.signer)),
        proved=bool(proof.signer),
        reason=proof.reason or None,
        signer=proof.signer or None,
        key=proof.fingerprint or None,
        signed_at=message.signed_at,
        shown_as=shown_as,
    )


KEY_SHOWN = 16
"""Hex digits of a key, as the roster shows it."""
_WITH_REASON = (State.REFUSED, State.HELD, State.EXPIRED, State.UNDELIVERABLE)
"""States of a received message whose detail is a reason."""


def _place(row: ReceiptRow) -> int:
    return row.seq or 0


def _state(text: str) -> State:
    try:
        return State(text)
    except ValueError:
        states = ", ".join(state for state in State if state is not State.OFFERING)
        raise BadInput(f"{text!r} is no state: {states}") from None


def _view(row: InboxRow, sender_key: str | None) -> InboxView:
    return InboxView(
        id=row.id,
        from_=row.from_,
        to=row.to,
        type=row.type,
        subject=row.subject,
        body=row.body,
        state=State.STORED if row.state == State.OFFERING else row.state,
        at=row.stored_at,
        thread=row.thread,
        reply_to=row.reply_to,
        session=row.session,
        authority=row.authority,
        signer=row.signer or None,
        urgency=row.urgency,
        unread=row.read_at is None and row.state != State.SEEN and row.state not in FINAL,
        reason=row.detail if row.state in _WITH_REASON else None,
        sender_key=sender_key,
    )


def _sent_view(row: OutboxRow, sent_at: float | None = None) -> OutboxView:
    subject = msgspec.json.decode(row.packet, type=Message).subject
    since = sent_at if row.state == State.SENT and row.closed_at is None else None
    return OutboxView(row.id, row.to, row.type, row.state, row.reason, row.created, row.expires, subject, since)


def _received_story(row: InboxRow) -> TraceView:
    events = [TraceEvent(State.STORED, row.stored_at, _node_of(row.to), row.channel, None, row.attempt)]
    if row.state not in (State.STORED, State.OFFERING):
        events.append(TraceEvent(row.state, row.state_at, _node_of(row.to), row.channel, row.detail, row.attempt))
    return TraceView(
        id=row.id,
        from_=row.from_,
        to=row.to,
        type=row.type,
        state=events[-1].state,
        events=events,
        reason=row.detail,
        ended=row.state in FINAL,
    )


def _node_of(address: str) -> str:
    return address.partition("/")[0]


def _once(receipts: Sequence[ReceiptRow]) -> list[ReceiptRow]:
    """Without what the peer has only said again, because the message came to it again."""
    told: dict[tuple[object, ...], ReceiptRow] = {}
    for one in receipts:
        told.setdefault((one.state, one.by, one.at, one.channel, one.detail), one)
    return list(told.values())
