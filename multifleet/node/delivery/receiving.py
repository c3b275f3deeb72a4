"""Takes frames from peers: verifies, de-duplicates, stores, answers, hands on. Nothing is parsed before it is verified.

The answer goes out when the commit is done, and never before it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from multifleet.core import asks, frame, packets
from multifleet.core.asks import Ask
from multifleet.core.frame import REFUSALS, STRANGER, WINDOW, FrameRefused, Header, Opened, Refusal
from multifleet.core.ids import Address
from multifleet.core.packets import BadPacket, Message, PacketAnswer, Request, RosterAsk
from multifleet.core.receipts import State
from multifleet.core.strict import NotStrict
from multifleet.errors import StoreUnavailable
from multifleet.node.authority.admission import Admission
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.exchange import Exchange
from multifleet.node.delivery.hearing import Hearing
from multifleet.node.delivery.shares import Shares
from multifleet.node.delivery.taking import UNREAD_ID, Taken, Taking
from multifleet.node.members import Member, Members
from multifleet.node.offering import wishes
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.store import rows
from multifleet.store.store import Store

KEEP_NONCE = 2 * WINDOW + 60
"""Seconds that a nonce is remembered; the window has closed before."""


BEHIND = "its store was lost, and it asks the others first who is out: this is taken in a few seconds"


class Turned(Exception):
    """One packet of a request is turned away; the others are not."""


class Receiving:
    """One for the node."""

    def __init__(
        self,
        members: Members,
        exchange: Exchange,
        hearing: Hearing,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        *,
        addresses: LiveSessions,
        heard: Callable[[Member, str], None],
        arrived: Callable[[], None],
        roster: Callable[[Member, Header, RosterAsk], Awaitable[bytes]],
        ask: Callable[[Member, Header, Ask], Awaitable[bytes]],
        state_to: Callable[[str], None],
        told_time: Callable[[Member, float], None],
        admission: Admission,
        is_behind: Callable[[], bool] = lambda: False,
    ) -> None:
        """`told_time`: given what time it is at a member, by a fresh frame of its; `is_behind`: whether it is not known
        yet who is out."""
        self._members = members
        self._exchange = exchange
        self._hearing = hearing
        self._store = store
        self._clock = clock
        self._counters = counters
        self._addresses = addresses
        self._heard = heard
        self._arrived = arrived
        self._roster = roster
        self._ask = ask
        self._state_to = state_to
        self._told_time = told_time
        self._admission = admission
        self._is_behind = is_behind
        self._shares = Shares(store.inbox)
        self._taking = Taking(store, admission)

    async def take(self, data: bytes, remote: str, channel: str, *, at_rest: bool = False) -> tuple[int, bytes]:
        """One frame; the HTTP status and the answer (a frame, once the sender is proved).

        Of a frame that lay `at_rest` no window is asked: its messages' `expires` and ids decide.
        """
        try:
            opened = frame.open_frame(
                data,
                self._members.identity.node,
                self._members.incoming_keys,
                None if at_rest else self._clock.now(),
                self._store.created_at,
            )
        except FrameRefused as refused:
            if refused.refusal is Refusal.UNKNOWN_SENDER and not at_rest:
                told = await self._from_outside(data)
                if told is not None:
                    return 200, told
            return self._refuse(refused.refusal, refused.header, remote)
        member = self._members.need(opened.header.sender)
        self._members.proved(member.node, opened.header.kid)
        try:
            request = asks.read_asked(opened.packet)
        except NotStrict as error:
            return self._refuse(Refusal.NOT_STRICT, opened.header, remote, str(error))
        except BadPacket as error:
            return self._refuse(Refusal.BAD_SCHEMA, opened.header, remote, str(error))
        if isinstance(request, RosterAsk):
            return 200, await self._roster(member, opened.header, request)
        if isinstance(request, Ask) and at_rest and abs(opened.header.sent - self._clock.now()) > WINDOW:
            # Mail may rest; a question that somebody kept is not answered, for it may be answered once already.
            return self._refuse(Refusal.OUTSIDE_WINDOW, opened.header, remote)
        if isinstance(request, Ask) and not self._is_behind():
            return 200, await self._ask(member, opened.header, request)
        if isinstance(request, Ask) or self._is_behind():
            return self._refuse(Refusal.STORE_UNAVAILABLE, opened.header, remote, BEHIND)
        try:
            return await self._commit(member, opened, request, remote, channel, at_rest=at_rest)
        except StoreUnavailable as error:
            return self._refuse(Refusal.STORE_UNAVAILABLE, opened.header, remote, str(error))

    async def _from_outside(self, data: bytes) -> bytes | None:
        """What a machine that is out says of who is in, answered; anything else of it is a stranger's."""
        header, now = frame.read_header(data), self._clock.now()
        outsider = self._members.aside.find(header.sender, header.kid, now)
        if outsider is None:
            return None
        member = outsider.member
        try:
            me = self._members.identity.node
            opened = frame.open_frame(data, me, lambda _, kid: member.ring.find(kid), now, self._store.created_at)
            if outsider.budget.take(self._clock.monotonic()) > 0.0:
                self._counters.count("outsiders_unheard")
                return None
            asked = packets.read(opened.packet, RosterAsk)
        except (FrameRefused, NotStrict, BadPacket):
            return None
        return await self._roster(member, opened.header, asked)

    async def _commit(
        self, member: Member, opened: Opened, request: Request, remote: str, channel: str, *, at_rest: bool
    ) -> tuple[int, bytes]:
        if request.log and request.packets:
            # Both writes are handed over before either is awaited, so that one commit carries them.
            heard, answer = await asyncio.gather(
                self._hearing.take(member, request.log),
                self._take_packets(member, opened, request, remote, channel, at_rest=at_rest),
                return_exceptions=True,
            )
            if isinstance(answer, BaseException):
                raise answer
            if isinstance(heard, BaseException) and not isinstance(heard, StoreUnavailable):
                raise heard
            return answer  # statements that could not be kept are not confirmed either
        if request.log:
            await self._hearing.take(member, request.log)
        if not request.packets:
            if not at_rest:
                self._told_time(member, request.time)
            self._store.inbox.forget_log(member.node, request.have)
            log = await self._store.inbox.log_after(member.node, request.have, packets.LOG_LIMIT)
            if at_rest and log:
                # Only for something that is to be said: two that told each other nothing this way would never end.
                self._state_to(member.node)
            return 200, self._exchange.answer(member, opened.header, log=log)
        return await self._take_packets(member, opened, request, remote, channel, at_rest=at_rest)

    async def _take_packets(
        self, member: Member, opened: Opened, request: Request, remote: str, channel: str, *, at_rest: bool
    ) -> tuple[int, bytes]:
        read = [self._read(raw, member, opened.header, request, channel, at_rest=at_rest) for raw in request.packets]
        async with self._taking.turn(member.node, opened.header.nonce, read) as again:
            return await self._take_read(member, opened, request, remote, channel, read, at_rest=at_rest, again=again)

    async def _take_read(
        self,
        member: Member,
        opened: Opened,
        request: Request,
        remote: str,
        channel: str,
        read: Sequence[Taken],
        *,
        at_rest: bool,
        again: bool,
    ) -> tuple[int, bytes]:
        taken = await self._taking.taken(member.node, read, request.packets, again)
        if member.removed:
            # It was put out while this was read: from here on nothing of it is taken.
            return self._refuse(Refusal.UNKNOWN_SENDER, None, remote)
        stored = [one.row for one in taken if one.row is not None]
        turned = [one for one in taken if one.row is None]
        if no_room := await self._shares.no_room(member.node, stored):
            return self._refuse(Refusal.STORE_UNAVAILABLE, opened.header, remote, no_room)
        received = await self._store.inbox.receive(
            rows.InboundFrame(
                sender=member.node,
                nonce=opened.header.nonce,
                keep_until=int(self._clock.now()) + KEEP_NONCE,
                rows=tuple(stored),
                refused=tuple(
                    rows.Refusal(one.id, State.REFUSED, one.reason[: packets.DETAIL_LIMIT], channel, request.attempt)
                    for one in turned
                    if one.id != UNREAD_ID
                ),
                have=request.have,
                at=self._clock.now(),
            )
        )
        if received.replay:
            return self._replayed(member, opened.header, stored, received, remote)
        if at_rest:
            self._state_to(member.node)  # nobody takes the answer with its receipts
        else:
            self._told_time(member, request.time)
            self._heard(member, remote)
        self._shares.took(member.node, stored, received.results)
        fresh = [row for row, result in zip(stored, received.results, strict=True) if result == "stored"]
        self._admission.took(fresh)
        results = iter(received.results)
        answers = [
            PacketAnswer(id=one.id, outcome="refused", reason=one.reason[: packets.REASON_LIMIT])
            if one.row is None
            else _answer(one.id, next(results))
            for one in taken
        ]
        self._counters.count("messages_received", received.results.count("stored"))
        self._counters.count("messages_duplicate", received.results.count("duplicate"))
        done = zip(stored, received.results, strict=True)
        turned += [Taken(row.id, None, rows.OWN_ID) for row, result in done if result == "refused"]
        for one in turned:
            self._counters.failed("message_refused", sender=member.node, id=one.id, reason=one.reason)
        if "stored" in received.results:
            self._arrived()
        return 200, self._exchange.answer(member, opened.header, log=received.log, answers=answers)

    def _read(
        self, raw: msgspec.Raw, member: Member, header: Header, request: Request, channel: str, *, at_rest: bool
    ) -> Taken:
        try:
            message = packets.read(raw, Message)
        except (NotStrict, BadPacket) as error:
            return Taken(UNREAD_ID, None, str(error))
        if at_rest and message.expires + header.sent - request.time <= self._clock.now():
            # Its id may be forgotten by now: nothing is said of it that might not be so.
            return Taken(UNREAD_ID, None, "its time was over when it was found")
        try:
            return Taken(message.id, self._row(message, bytes(raw), member, header, request, channel))
        except Turned as reason:
            return Taken(message.id, None, str(reason))

    def _row(
        self, message: Message, raw: bytes, member: Member, header: Header, request: Request, channel: str
    ) -> rows.InboxRow:
        sender, to = Address.parse(message.from_), Address.parse(message.to)
        if sender.node != member.node:
            raise Turned(f"{member.node} cannot speak for {sender.node}")
        if to.node != self._members.identity.node:
            raise Turned(f"this is {self._members.identity.node}, not {to.node}")
        # A character has at most four bytes, so most bodies need not be encoded to be measured.
        if 4 * len(message.body) > packets.BODY_LIMIT and len(message.body.encode()) > packets.BODY_LIMIT:
            raise Turned(f"the body is over {packets.BODY_LIMIT // 1024} KiB")
        ahead = header.sent - request.time
        now = self._clock.now()
        expires = message.expires + ahead
        if expires > now + packets.EXPIRES_LIMIT + WINDOW:
            raise Turned("it expires later than in 30 days")
        if to.seat and not self._addresses.is_address(to.seat):
            raise Turned(self._addresses.unknown(to.seat))
        return rows.InboxRow(
            sender=member.node,
            id=message.id,
            from_=message.from_,
            to=message.to,
            seat=to.seat,
            type=message.type,
            urgency=message.urgency,
            thread=message.thread,
            n=message.n,
            prev=message.prev,
            reply_to=message.reply_to,
            subject=message.subject,
            body=message.body,
            authority=message.authority,
            created=message.created,
            expires=expires,
            stored_at=now,
            channel=channel,
            state=State.STORED,
            state_at=now,
            session=None,
            offer=None,
            detail=None,
            attempt=request.attempt,
            packet=wishes.kept(message),
            sender_key=member.row.ed25519.hex(),
            hops=message.hops,
        )

    def _replayed(
        self,
        member: Member,
        header: Header,
        stored: Sequence[rows.InboxRow],
        received: rows.Received,
        remote: str,
    ) -> tuple[int, bytes]:
        self._counters.failed("frame_refused_replay", sender=member.node, remote=remote)
        answers = [
            PacketAnswer(id=row.id, outcome="duplicate" if state else "refused", reason=state or "not here")
            for row, state in zip(stored, received.states, strict=True)
        ]
        return REFUSALS[Refusal.REPLAY].status, self._exchange.answer(
            member, header, answers=answers, refusal=Refusal.REPLAY
        )

    def _refuse(self, refusal: Refusal, header: Header | None, remote: str, reason: str = "") -> tuple[int, bytes]:
        facts = REFUSALS[refusal]
        sender = header.sender if header else "?"
        self._counters.failed(f"frame_refused_{refusal}", sender=sender, remote=remote, reason=reason)
        member = self._members.get(header.sender) if header else None
        if not facts.signed or header is None or member is None:
            return facts.status, STRANGER
        return facts.status, self._exchange.answer(member, header, refusal=refusal, reason=reason)


def _answer(id: str, result: str) -> PacketAnswer:
    """What became of one that was handed to the store."""
    if result == "refused":
        return PacketAnswer(id=id, outcome="refused", reason=rows.OWN_ID)
    return PacketAnswer(id=id, outcome="duplicate" if result == "duplicate" else "stored")
