"""Brings stored messages before agent sessions, each to exactly one, and says of each only what was observed.

A message is committed as `offering` before a byte is written, so that after a crash the transcript is asked before it
is offered again. A conversation that ends before it took the message up gives it back.
"""

import asyncio
import hashlib
import os
import secrets
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from multifleet.core.choose_session import choose_session
from multifleet.core.fence import Authority, FencedMessage, fence
from multifleet.core.limits import OfferLimits
from multifleet.core.ordering import in_order, wait_until
from multifleet.core.packets import DETAIL_LIMIT
from multifleet.core.receipts import State
from multifleet.core.transcript import Fact, Sighting
from multifleet.errors import MultifleetError
from multifleet.node.clients import HOOKS, SOCKET, TESTING, Clients
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.seats import Seats
from multifleet.node.sending import Sending
from multifleet.node.setup import Setup
from multifleet.node.watching import Watching, token_of
from multifleet.operations.views import SeatView
from multifleet.sessions.base import Found, Session, UnknownOutcome, Unreachable
from multifleet.sessions.claude_inbox import ReplySocket, SocketTaken, post, reply_socket_name
from multifleet.sessions.claude_registry import ClaudeRegistry, config_dir
from multifleet.sessions.claude_wire import Odd, Receipt, Reply
from multifleet.sessions.own_files import NotOurs
from multifleet.sessions.seeds import SeedBox, fragment
from multifleet.store.rows import InboxChange, InboxRow, OfferRow
from multifleet.store.store import Store

SOCKET_BUDGET = 300_000
"""Characters of one post; the client drops a line of over a million."""
AT_ONCE = 20
"""Messages in one offer."""
WAITING_LIMIT = 500
QUICK, SLOW = 0.1, 1.0
"""Seconds between two looks at transcripts and registry, while something is expected soon, and else."""
EXPECTED_SOON = 60.0
"""Seconds after an offer, or after a session began."""
REST, REST_LIMIT = 10.0, 0.2
"""After a look: so many times as long as it took, but no more seconds than these."""
EXPIRE_EVERY = 5.0
REPLIES_REMEMBERED = 200
"""Latest messages whose reply sockets are opened again after a restart."""
GRACE = 3.0
"""Seconds that an offer without a trace is given after a restart before it is made again."""
INTERACTIVE = "cli"

Way = Callable[[], "Sending"]


@dataclass(slots=True)
class Open:
    """An offer whose end is not known."""

    row: OfferRow
    state: str
    since: float
    """Monotonic."""
    remote: str = ""

    @property
    def id(self) -> str:
        """Its id."""
        return self.row.id


@dataclass(slots=True)
class Plan:
    """Messages for one conversation, by one way."""

    session: Session
    way: str
    remote: str
    rows: list[InboxRow] = field(default_factory=list)


class Offering:
    """One for the node."""

    def __init__(
        self,
        setup: Setup,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        *,
        state_to: Callable[[str], None],
        sending: Way,
    ) -> None:
        self._node = setup.identity.node
        self._store = store
        self._clock = clock
        self._counters = counters
        self._state_to = state_to
        self._sending = sending
        chosen = setup.config.claudeConfigDir
        self.config = Path(chosen).expanduser() if chosen else config_dir(os.environ)
        self.registry = ClaudeRegistry(self.config)
        self.seats = Seats(store, clock, self.registry.known_projects)
        self.clients = Clients(store, counters, self.wake)
        self._seeds = SeedBox(setup.home)
        self._watching = Watching(self.config)
        self._open: dict[str, Open] = {}
        self._replies: dict[str, ReplySocket] = {}
        self._remotes: dict[str, str] = {}
        self._limits: defaultdict[tuple[str, str], OfferLimits] = defaultdict(OfferLimits)
        self._told: deque[Receipt | Reply | Odd] = deque()
        self._last_from: dict[tuple[str, str], InboxRow] = {}
        self._not_before: dict[str, float] = {}
        self._news = asyncio.Event()
        self._expect_until = 0.0
        self._expire_at = 0.0
        self._stack: AsyncExitStack
        self._turn_lock = asyncio.Lock()
        self.found = Found((), ())

    def wake(self) -> None:
        """Something arrived, or changed."""
        self._news.set()

    async def start(self, stack: AsyncExitStack) -> None:
        """Take up what an earlier run left open."""
        self._stack = stack
        await self.clients.load()
        now = self._clock.monotonic()
        for row in await self._store.offers.open():
            self._open[row.id] = Open(row, row.state, now)
            if row.via == SOCKET:
                self._watching.watch(row.session, row.transcript or "/", row.id)
        await self._listen_again()

    async def run(self, group: asyncio.TaskGroup) -> None:
        """Until cancelled."""
        self.clients.start(group)
        while True:
            self._news.clear()
            began = self._clock.monotonic()
            async with self._turn_lock:
                again = await self._turn()
            # A flood of arrivals must not make this look run all the time: it rests in proportion to what it took.
            await asyncio.sleep(min(REST_LIMIT, REST * (self._clock.monotonic() - began)))
            try:
                async with asyncio.timeout(again):
                    await self._news.wait()
            except TimeoutError:
                pass  # time to look again

    async def _listen_again(self) -> None:
        """Open the reply sockets that models were told before a restart; they may answer yet."""
        for row in await self._store.inbox.listing(REPLIES_REMEMBERED):
            if row.session is None or (row.session, row.from_) in self._last_from:
                continue
            self._last_from[(row.session, row.from_)] = row
            try:
                await self._reply_socket(row.from_)
            except (SocketTaken, OSError, NotOurs) as error:
                self._counters.failed("reply_socket", reason=error)

    async def sessions(self) -> Found:
        """The live sessions now."""
        self.found = await asyncio.to_thread(self.registry.find)
        for session in self.found.sessions:
            self.seats.of_folder(session.cwd)
        return self.found

    def seat_of(self, session: Session) -> str:
        """The seat of a live session."""
        return self.seats.of_folder(session.cwd)

    async def seat_views(self, node: str) -> list[SeatView]:
        """The seats, with the session that each would get its mail in now."""
        found = await self.sessions()
        waiting = Counter(row.seat for row in await self._store.inbox.waiting(WAITING_LIMIT, self._clock.now()))
        views = []
        for row in sorted(self.seats.rows, key=lambda row: row.name):
            session = choose_session(found.sessions, self.seats.folders, row.name)
            views.append(
                SeatView(
                    name=row.name,
                    address=f"{node}/{row.name}",
                    folder=row.folder,
                    client=row.client,
                    default=row.name == self.seats.default,
                    bound_by=row.bound_by,
                    session=session.session_id if session else None,
                    waiting=waiting[row.name],
                )
            )
        return views

    async def session_started(self, session_id: str, cwd: str, interactive: bool) -> str:
        """What waits for a session that begins, for its hook to show; empty where its inbox socket will take it."""
        self.seats.of_folder(cwd)
        self._expect_until = self._clock.monotonic() + EXPECTED_SOON
        self.wake()
        if interactive:
            return ""
        async with self._turn_lock:
            waiting = [row for row in await self._offerable() if self._is_for(row, cwd)]
            if not waiting:
                return ""
            return await self._hand_to_hook(session_id, cwd, waiting[:AT_ONCE])

    async def _turn(self) -> float | None:
        """Everything there is to do now; seconds until the next look, None for only when woken."""
        await self._expire()
        found = await self.sessions()
        if not found.sessions and not self._open and not self._told:
            return await self._until_sessions()
        while self._told:
            await self._take_word(self._told.popleft(), found)
        for open_offer in list(self._open.values()):
            await self._follow(open_offer, found)
        testing = False
        for plan in self._plans(await self._offerable(), found):
            testing = testing or plan.way == TESTING
            if plan.way == SOCKET:
                await self._offer_by_socket(plan)
            elif plan.way == HOOKS:
                await self._offer_by_hook(plan)
        if not self._open and not await self._store.inbox.waiting(1, self._clock.now()):
            return SLOW if self._clock.monotonic() < self._expect_until else None
        soon = any(self._clock.monotonic() - one.since < EXPECTED_SOON for one in self._open.values())
        return QUICK if soon or testing or self._clock.monotonic() < self._expect_until else SLOW

    async def _until_sessions(self) -> float | None:
        """How long to wait where nobody is there to be offered anything."""
        if self._clock.monotonic() < self._expect_until:
            return QUICK
        return SLOW if await self._store.inbox.waiting(1, self._clock.now()) else None

    async def _expire(self) -> None:
        now = self._clock.monotonic()
        if now < self._expire_at:
            return
        self._expire_at = now + EXPIRE_EVERY
        for row in await self._store.inbox.expire(self._clock.now()):
            self._state_to(row.sender)

    async def _offerable(self) -> list[InboxRow]:
        """Messages whose turn it is, in the order in which they are to be shown."""
        now = self._clock.now()
        rows = await self._store.inbox.waiting(WAITING_LIMIT, now)
        before = {row.id for row in rows}
        ready = []
        for row in in_order(rows):
            if self._not_before.get(row.id, 0.0) > self._clock.monotonic():
                continue
            if row.prev is not None and row.prev not in before:
                prev = await self._store.inbox.get(row.sender, row.prev)
                state = State(prev.state) if prev else None
                if wait_until(row.prev, state, row.stored_at, now) is not None:
                    continue
            ready.append(row)
        return ready

    def _plans(self, rows: Sequence[InboxRow], found: Found) -> list[Plan]:
        plans: dict[tuple[str, str, str], Plan] = {}
        folders = self.seats.folders
        for row in rows:
            wanted = row.seat or self.seats.default
            session = choose_session(found.sessions, folders, wanted)
            if session is None:
                continue
            way = self.clients.way_to(session)
            key = (session.session_id, way, row.from_ if way == SOCKET else "")
            plan = plans.setdefault(key, Plan(session, way, row.from_))
            if len(plan.rows) < AT_ONCE:
                plan.rows.append(row)
        return list(plans.values())

    def _is_for(self, row: InboxRow, cwd: str) -> bool:
        wanted = row.seat or self.seats.default
        return wanted is None or self.seats.of_folder(cwd) == wanted

    async def _offer_by_socket(self, plan: Plan) -> None:
        session = plan.session
        undelivered = sum(1 for one in self._open.values() if one.row.session == session.session_id)
        digest = hashlib.sha256("".join(row.id for row in plan.rows).encode()).hexdigest()
        limits = self._limits[(plan.remote, session.session_id)]
        wait = limits.take(digest, undelivered, self._clock.monotonic())
        if wait > 0:
            self._hold_back(plan.rows, wait)
            return
        try:
            reply = await self._reply_socket(plan.remote)
        except (SocketTaken, OSError, NotOurs) as error:
            self._counters.failed("reply_socket", reason=error)
            reply = None
        fenced = fence([_fenced(row) for row in plan.rows], delimiter=secrets.token_hex(12), budget=SOCKET_BUDGET)
        rows = [row for row in plan.rows if row.id not in fenced.left_out]
        offer = await self._commit_offer(rows, session.session_id, session.cwd, SOCKET)
        offer.remote = plan.remote
        self._watching.watch(session.session_id, session.cwd, offer.id)
        try:
            await post(
                self.registry,
                session,
                offer_id=offer.id,
                text=fenced.text,
                reply=reply,
                from_name=plan.remote,
                from_session=token_of(offer.id),
            )
        except Unreachable as error:
            self._counters.failed("offer_unreachable", session=session.session_id, reason=error)
            await self._give_back(offer, str(error))
            self._hold_back(rows, SLOW)
            return
        except UnknownOutcome as error:
            self._counters.failed("offer_unknown", session=session.session_id, reason=error)
            return
        await self._say(offer, State.OFFERED, f"written to the inbox of session {session.name or session.session_id}")
        for row in rows:
            self._last_from[(session.session_id, row.from_)] = row

    async def _offer_by_hook(self, plan: Plan) -> None:
        session_id = plan.session.session_id
        if self._seeds.waits(session_id):
            return
        fenced = fence([_fenced(row) for row in plan.rows], delimiter=secrets.token_hex(12))
        rows = [row for row in plan.rows if row.id not in fenced.left_out]
        offer = await self._commit_offer(rows, session_id, plan.session.cwd, HOOKS)
        try:
            put = self._seeds.put(session_id, fragment(fenced.text))
        except (NotOurs, OSError, ValueError) as error:
            self._counters.failed("seed_refused", session=session_id, reason=error)
            put = False
        if not put:
            await self._give_back(offer, "no seed could be laid")
            self._hold_back(rows, SLOW)

    async def _hand_to_hook(self, session_id: str, cwd: str, rows: list[InboxRow]) -> str:
        fenced = fence([_fenced(row) for row in rows], delimiter=secrets.token_hex(12))
        shown = [row for row in rows if row.id not in fenced.left_out]
        offer = await self._commit_offer(shown, session_id, cwd, HOOKS)
        await self._say(offer, State.OFFERED, "taken by the hook at the session's start")
        await self._finish(offer, "taken")
        return fenced.text

    async def _commit_offer(self, rows: list[InboxRow], session_id: str, cwd: str, via: str) -> Open:
        now = self._clock.now()
        row = OfferRow(
            id=str(uuid.uuid4()),
            session=session_id,
            via=via,
            at=now,
            state=State.OFFERING,
            messages=tuple((one.sender, one.id) for one in rows),
            transcript=cwd,
        )
        await self._store.offers.add(row)
        await self._store.inbox.advance(
            [InboxChange(one.sender, one.id, State.OFFERING, now, None, session_id, row.id) for one in rows],
            say=False,
        )
        opened = Open(row, State.OFFERING, self._clock.monotonic())
        self._open[row.id] = opened
        return opened

    async def _follow(self, offer: Open, found: Found) -> None:
        """Look what has become of one open offer."""
        session = next((one for one in found.sessions if one.session_id == offer.row.session), None)
        if offer.row.via == HOOKS:
            await self._follow_seed(offer, session)
            return
        for sighting in self._watching.read(offer.row.session, session):
            await self._believe(sighting)
        if offer.id not in self._open:
            return
        fact = self._watching.fact(offer.row.session, offer.id)
        if fact is Fact.SEEN:
            return
        if session is None:
            await self._give_back(offer, "the session ended before it took it up")
        elif offer.state == State.OFFERING and self._clock.monotonic() - offer.since > GRACE:
            if fact is Fact.NONE:
                await self._give_back(offer, "no trace of it in the session")
            else:
                await self._say(offer, State.OFFERED, "found in the session's transcript")

    async def _follow_seed(self, offer: Open, session: Session | None) -> None:
        session_id = offer.row.session
        for taken in self._seeds.taken(session_id):
            await self._say(offer, State.OFFERED, "taken by a hook")
            await self._finish(offer, "taken")
            self._seeds.forget(taken)
            return
        if session is None or not self._seeds.waits(session_id):
            if session is None:
                back = self._seeds.take_back(session_id)
                if back is None and self._seeds.taken(session_id):
                    return
            await self._give_back(offer, "the session ended before a hook took it")

    async def _believe(self, sighting: Sighting) -> None:
        offer = self._open.get(sighting.offer_id)
        if offer is None:
            return
        if sighting.fact is Fact.SEEN:
            if offer.state != State.SEEN:
                await self._say(offer, State.SEEN, "the transcript has output of the model after it")
            if sighting.ended:
                if sighting.answer:
                    await self._say(offer, State.ANSWERED, _shortened(sighting.answer))
                await self._finish(offer, State.ANSWERED if sighting.answer else State.SEEN)

    async def _take_word(self, word: Receipt | Reply | Odd, found: Found) -> None:
        if isinstance(word, Reply):
            await self._pass_on(word, found)
        elif isinstance(word, Receipt):
            await self._take_receipt(word)
        else:
            self._counters.failed("reply_socket_odd", reason=word.reason)

    async def _take_receipt(self, word: Receipt) -> None:
        offer = self._open.get(word.offer_id)
        if offer is None or offer.state in (State.SEEN, State.ANSWERED):
            return
        if word.status == "held":
            await self._say(offer, State.HELD, word.detail or "the session holds it for its user")
        elif word.status == "delivered":
            await self._say(offer, State.OFFERED, "its user let it in")
        elif word.status == "dropped" and word.detail not in ("hop-loop", "hop-runaway"):
            rows = [await self._store.inbox.get(sender, id) for sender, id in offer.row.messages]
            await self._give_back(offer, f"dropped by the client: {word.detail}")
            self._hold_back([row for row in rows if row is not None], 30.0 if word.detail == "duplicate" else 5.0)
        else:
            await self._say(offer, State.REFUSED, word.detail or f"{word.status} by the session")
            await self._finish(offer, State.REFUSED)

    async def _pass_on(self, word: Reply, found: Found) -> None:
        """A model wrote to one of our reply sockets: that is a message to the remote address it stands for."""
        remote = self._remotes.get(word.socket)
        session = next((one for one in found.sessions if one.pid == word.pid), None)
        if remote is None or session is None:
            self._counters.failed("reply_from_nobody", socket=word.socket, pid=word.pid)
            return
        answered = self._last_from.get((session.session_id, remote))
        try:
            if answered is not None:
                await self._sending().reply(answered, word.text, sender_seat=self.seat_of(session))
            else:
                await self._sending().send(remote, word.text, sender_seat=self.seat_of(session))
        except MultifleetError as error:
            self._counters.failed("reply_not_sent", session=session.session_id, reason=error)

    async def answered(self, row: InboxRow, detail: str) -> None:
        """A reply to a received message was sent from here."""
        change = InboxChange(row.sender, row.id, State.ANSWERED, self._clock.now(), detail)
        if any(await self._store.inbox.advance([change])):
            self._state_to(row.sender)

    async def _say(self, offer: Open, state: State, detail: str) -> None:
        now = self._clock.now()
        await self._store.inbox.advance(
            [
                InboxChange(sender, id, state, now, detail, offer.row.session, offer.id)
                for sender, id in offer.row.messages
            ]
        )
        offer.state = state
        self._store.offers.change_later(offer.id, state, detail[:200])
        for sender in {sender for sender, _ in offer.row.messages}:
            self._state_to(sender)

    async def _give_back(self, offer: Open, reason: str) -> None:
        now = self._clock.now()
        await self._store.inbox.advance(
            [InboxChange(sender, id, State.STORED, now, reason) for sender, id in offer.row.messages],
            say=False,
        )
        self._counters.count("offers_given_back")
        await self._finish(offer, "given back")

    async def _finish(self, offer: Open, state: str) -> None:
        self._open.pop(offer.id, None)
        self._watching.forget(offer.row.session, offer.id)
        self._store.offers.change_later(offer.id, state, finished=True)

    def _hold_back(self, rows: Sequence[InboxRow], seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        for row in rows:
            self._not_before[row.id] = until
        if len(self._not_before) > 10 * WAITING_LIMIT:
            now = self._clock.monotonic()
            self._not_before = {id: at for id, at in self._not_before.items() if at > now}

    async def _reply_socket(self, remote: str) -> ReplySocket:
        name = reply_socket_name(self._node, str(self._store.created_at), remote)
        socket = self._replies.get(name)
        if socket is None:
            socket = await ReplySocket.open(name, self._hear)
            self._stack.push_async_callback(socket.aclose)
            self._replies[name] = socket
            self._remotes[name] = remote
        return socket

    def _hear(self, word: Receipt | Reply | Odd) -> None:
        self._told.append(word)
        self.wake()


def _fenced(row: InboxRow) -> FencedMessage:
    return FencedMessage(
        id=row.id,
        sender=row.from_,
        authority=Authority(row.authority),
        type=row.type,
        subject=row.subject,
        body=row.body,
        sent_at=row.created,
        thread=row.thread,
    )


def _shortened(answer: str) -> str:
    if len(answer) <= DETAIL_LIMIT:
        return answer
    note = f" [{len(answer)} characters in all]"
    return answer[: DETAIL_LIMIT - len(note)] + note
