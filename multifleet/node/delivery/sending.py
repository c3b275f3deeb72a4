"""Sending messages from here: what is accepted is on disk; what is said of it later is looked up, not guessed."""

from collections.abc import Awaitable, Callable

import msgspec

from multifleet.core import packets
from multifleet.core.acknowledgement import only_acknowledges
from multifleet.core.budgets import Limits, too_many_hops
from multifleet.core.ids import Address, is_message_id
from multifleet.core.packets import Message
from multifleet.core.receipts import State
from multifleet.core.routing import place_of
from multifleet.errors import (
    BadInput,
    KeyChanged,
    OverBudget,
    Revoked,
    StoreUnavailable,
    UnknownMessage,
    UnknownNode,
    UnknownSeat,
)
from multifleet.node.clock import NodeClock
from multifleet.node.delivery.composing import address_of, body_of, id_of, lifetime_of, packet_of, times_of
from multifleet.node.delivery.endings import Endings
from multifleet.node.delivery.outbox_queue import Waiting
from multifleet.node.delivery.outboxes import PeerOutbox
from multifleet.node.delivery.own_events import OwnEvents
from multifleet.node.delivery.tracker import Tracker
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.node.randomness import Randomness
from multifleet.node.roster.membership import Membership
from multifleet.node.threads import Threads
from multifleet.operations.views import Accepted
from multifleet.store.outbox import thread_key
from multifleet.store.rows import InboxRow, OutboxRow
from multifleet.store.store import Store

AUTOMATIC = 3_600.0
"""Seconds in which an agent answers by itself, in the turn that a message started; later it was asked to."""
NO_ANSWER = "an acknowledgement of an answer goes as a receipt, not as a message"


class Sending:
    """One for the node."""

    def __init__(
        self,
        membership: Membership,
        store: Store,
        clock: NodeClock,
        own_events: OwnEvents,
        tracker: Tracker,
        addresses: LiveSessions,
        endings: Endings,
        outbox_of: Callable[[str], PeerOutbox],
        answered: Callable[[InboxRow, str], Awaitable[None]],
        limits: Limits,
    ) -> None:
        self._membership = membership
        self._node = membership.members.identity.node
        self._store = store
        self._clock = clock
        self._own_events = own_events
        self._tracker = tracker
        self._addresses = addresses
        self._endings = endings
        self._outbox_of = outbox_of
        self._answered = answered
        self._limits = limits
        self._random = Randomness()
        self._threads = Threads(store)

    async def send(
        self,
        to: str,
        body: str,
        *,
        type: packets.MessageType = "context",
        subject: str | None = None,
        urgency: packets.Urgency = "next-turn",
        thread: str | None = None,
        reply_to: str | None = None,
        expires_in: float | None = None,
        sender_seat: str | None = None,
        id: str | None = None,
        authority: packets.Authority = "agent",
        signature: str | None = None,
        signed_at: int | None = None,
        hops: int | None = None,
        smart: bool = False,
        session: str | None = None,
        from_mode: packets.Mode | None = None,
    ) -> Accepted:
        """Accept a message; it is on disk when this returns. A person's has a signature, also over its `id`.

        `reply_to` may have the machine before it that sent that message.
        """
        address = address_of(to)
        of_sender, _, reply_to = reply_to.rpartition("/") if reply_to is not None else ("", "", None)
        self._membership.need(address.node)
        peer_key = self._membership.key_of(address.node)
        sender = str(Address(self._node, self._own_seat(sender_seat)))
        if address.node == self._node and address.seat and not self._addresses.is_address(address.seat):
            raise UnknownSeat(self._addresses.unknown(address.seat))
        now = self._clock.now()
        chosen = id_of(id, now, self._random)
        if id is not None and await self._store.outbox.get(chosen):
            return await self._known_already(chosen, to)
        if id is not None and await self._store.inbox.find(chosen):
            raise BadInput(f"the id {chosen} belongs to a message that came here: leave it out, or give a new UUID")
        if authority != "agent" or signature is not None:
            hops = 0
        elif hops is None:
            hops = await self._hops_after(of_sender or address.node, reply_to, is_named=bool(of_sender))
        if why := too_many_hops(hops, self._limits):
            raise OverBudget(f"not sent: {why}; a person may go on: multifleet send {to} TEXT --as-me")
        created, expires = times_of(signed_at if signature else None, lifetime_of(expires_in), now)
        key = thread_key(sender, to, thread)
        await self._threads.know(key)
        n, prev = self._threads.tail(key)
        message = Message(
            id=chosen,
            type=type,
            from_=sender,
            to=to,
            body=body_of(body),
            created=created,
            expires=expires,
            n=n + 1,
            prev=prev,
            thread=thread,
            reply_to=reply_to,
            subject=subject,
            urgency=urgency,
            authority=authority if signature is None else "human",
            hops=hops,
            signature=signature,
            signed_at=signed_at,
            smart=smart,
            session=session,
            from_mode=from_mode,
        )
        packet = packet_of(message, now)
        self._threads.add(key, n + 1, chosen)
        row = OutboxRow(
            id=chosen,
            peer=address.node,
            to=to,
            sender=sender,
            type=type,
            tier=place_of(type, urgency),
            urgency=urgency,
            thread=thread,
            n=n + 1,
            prev=prev,
            created=int(now),
            expires=expires,
            packet=packet,
            state=State.QUEUED,
            reason=None,
            unknown_outcome=False,
            closed_at=None,
            peer_key=peer_key,
        )
        accepted = False
        try:
            accepted, answer = await self._accept(row, is_new=id is None)
            return answer
        finally:
            # A message that is not there must not be the one before the next, unless that has been numbered already.
            if not accepted and self._threads.tail(key) == (n + 1, chosen):
                self._threads.add(key, n, prev)

    async def _accept(self, row: OutboxRow, *, is_new: bool) -> tuple[bool, Accepted]:
        """Commit a message, and let it leave while that goes on: the caller is told only when it is on disk.

        Whether it was new, and what to tell.
        """
        outbox = self._outbox_of(row.peer)
        early = is_new and self._store.database.degraded is None
        if early:
            self._leave(outbox, row)
        try:
            fresh = await self._store.outbox.add(row, self._own_events.event(row.id, row.peer, State.QUEUED))
        except StoreUnavailable as error:
            if early and not outbox.withdraw(row.id):
                raise StoreUnavailable(f"{error} (it may have left already: outcome unknown, id {row.id})") from None
            raise
        if not fresh:
            return False, await self._known_already(row.id, row.to)
        if not early:
            self._leave(outbox, row)
        self._endings.accepted(row.expires)
        try:
            self._membership.need(row.peer)
        except (Revoked, UnknownNode) as gone:
            # It was put out while this was written; what waited for it has been given up before.
            await self._endings.give_up([(row.id, str(gone))], row.peer, State.UNDELIVERABLE)
            return True, Accepted(id=row.id, state=State.UNDELIVERABLE, to=row.to, reason=str(gone))
        return True, Accepted(id=row.id, state=State.QUEUED, to=row.to, reason=outbox.last_reason)

    def _leave(self, outbox: PeerOutbox, row: OutboxRow) -> None:
        self._tracker.stated(row.id, row.peer, State.QUEUED)
        outbox.push(Waiting(row.id, row.packet, row.type, row.urgency, key=row.peer_key, expires=row.expires))  # type: ignore[arg-type]

    async def reply(
        self,
        received: InboxRow,
        body: str,
        *,
        subject: str | None = None,
        urgency: packets.Urgency = "next-turn",
        expires_in: float | None = None,
        sender_seat: str | None = None,
        answer_id: str | None = None,
        authority: packets.Authority = "agent",
        from_mode: packets.Mode | None = None,
        signature: str | None = None,
        signed_at: int | None = None,
    ) -> Accepted:
        """Answer a received message, in its thread; never a machine that has got its sender's name since."""
        node = address_of(received.from_).node
        self._membership.need(node)
        if received.sender_key not in ("", self._membership.key_of(node)):
            raise KeyChanged(f"{node} is another machine now than the one that wrote this: send it anew if it may")
        is_agents = authority == "agent" and signature is None
        if is_agents and received.type == "reply" and _needs_no_answer(received.body, body):
            # Told as a receipt, which nobody answers: else two agents would thank each other for ever.
            await self._answered(received, f"acknowledged: {body}")
            return Accepted(id=received.id, state=State.ANSWERED, to=received.from_, reason=NO_ANSWER)
        sent = await self.send(
            received.from_,
            body,
            type="reply",
            subject=subject,
            urgency=urgency,
            thread=received.thread,
            reply_to=received.id,
            expires_in=expires_in,
            sender_seat=sender_seat or received.seat,
            id=answer_id,
            authority=authority,
            hops=self._next(received),
            from_mode=from_mode,
            signature=signature,
            signed_at=signed_at,
        )
        await self._answered(received, f"reply {sent.id}")
        return sent

    async def _hops_after(self, sender: str, reply_to: str | None, *, is_named: bool) -> int:
        """How many answers go before one to this message: that of this sender, or of whoever else sent one with the id.

        Each sender chooses its ids, so of those of others it has to be said which one is meant.
        """
        if reply_to is None or not is_message_id(reply_to):
            return 0
        received = await self._store.inbox.get(sender, reply_to)
        if received is None and not is_named:
            others = [of for of, _ in await self._store.inbox.find(reply_to)]
            if len(others) > 1:
                named = " or ".join(f"{of}/{reply_to}" for of in sorted(others))
                raise BadInput(f"{len(others)} machines sent a message with this id: say which one is meant: {named}")
            received = await self._store.inbox.get(others[0], reply_to) if others else None
        return 0 if received is None else self._next(received)

    def _next(self, received: InboxRow) -> int:
        """How many automatic answers go before an answer to this; what a person signed begins anew."""
        is_late = self._clock.now() - received.stored_at > AUTOMATIC
        return 0 if received.authority == "human" or is_late else received.hops + 1

    async def retry(self, message: str) -> Accepted:
        """Try a message again that was given up or turned away; it gets a new lease of life."""
        rows = await self._store.outbox.get(message)
        if not rows:
            raise UnknownMessage(f"no message {message} was sent from here")
        row = rows[0]
        self._membership.need(row.peer)
        if row.peer_key not in ("", self._membership.key_of(row.peer)):
            raise KeyChanged(f"{row.peer} is another machine now than when this was written: send it anew if it may")
        made, now = packets.read(row.packet, Message), self._clock.now()
        expires = int(now + packets.LIFETIME) if made.signature is None else made.expires
        if expires <= now:
            raise BadInput("a person signed it for a time that is over: write it anew, with --as-me")
        event = self._own_events.event(row.id, row.peer, State.QUEUED, detail="tried again")
        packet = packets.write(msgspec.structs.replace(made, expires=expires))
        if not await self._store.outbox.reopen(row.id, row.peer, expires, packet, event):
            return Accepted(id=row.id, state=row.state, to=row.to, reason="it did not fail")
        self._tracker.stated(row.id, row.peer, State.QUEUED)
        self._endings.accepted(expires)
        self._outbox_of(row.peer).push(
            Waiting(row.id, packet, row.type, row.urgency, True, key=row.peer_key, expires=expires)  # type: ignore[arg-type]
        )
        return Accepted(id=row.id, state=State.QUEUED, to=row.to)

    async def _known_already(self, id: str, to: str) -> Accepted:
        row = (await self._store.outbox.get(id))[0]
        if row.to != to:
            raise BadInput(f"the id {id} belongs to another message: leave it out, or give a new UUID")
        return Accepted(id=id, state=row.state, to=row.to, reason=row.reason)

    def _own_seat(self, seat: str | None) -> str | None:
        if seat and not self._addresses.is_address(seat):
            raise UnknownSeat(self._addresses.unknown(seat))
        return seat


def _needs_no_answer(answer: str, body: str) -> bool:
    return "?" not in answer and only_acknowledges(body)
