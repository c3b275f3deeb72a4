"""Brings stored messages before agent sessions, each to exactly one, by its inbox socket or by a hook.

It decides who gets what and writes it; what became of an offer is found out by Following.
"""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

from multifleet.core.limits import OfferLimits
from multifleet.core.quiet import passes
from multifleet.core.receipts import State
from multifleet.core.recent import Recent
from multifleet.core.roster import Out
from multifleet.node.authority.stops import STOPPED
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.sending import Sending
from multifleet.node.offering.clients import HOOKS, SOCKET, TESTING, Clients
from multifleet.node.offering.copies import Copies
from multifleet.node.offering.due import WAITING_LIMIT, Due
from multifleet.node.offering.following import Following
from multifleet.node.offering.gold import Golds
from multifleet.node.offering.hearing import Hearing
from multifleet.node.offering.holding import Holding
from multifleet.node.offering.kept_back import KeptBack
from multifleet.node.offering.live_sessions import LiveSessions, claude_config, codex_folder, qwen_folder
from multifleet.node.offering.making import Making
from multifleet.node.offering.mates import Mates
from multifleet.node.offering.offers import Offers, Open
from multifleet.node.offering.other_clients import OtherClients
from multifleet.node.offering.plans import AT_ONCE, Plan, plans
from multifleet.node.offering.quiet import Quiet
from multifleet.node.offering.replies import Replies
from multifleet.node.offering.ringing import Ringing
from multifleet.node.offering.rousing import Rousing
from multifleet.node.offering.seats import Seats
from multifleet.node.offering.showing import shown_by_hook, shown_in
from multifleet.node.offering.watching import Watching, token_of
from multifleet.node.offering.wishes import for_session, mode_of
from multifleet.node.roster.words import refusal_words
from multifleet.node.setup import Setup
from multifleet.sessions.base import Found, Session, UnknownOutcome, Unreachable
from multifleet.sessions.claude_registry import ClaudeRegistry
from multifleet.sessions.codex_threads import CodexThreads
from multifleet.sessions.inboxes import Inboxes
from multifleet.sessions.own_files import NotOurs
from multifleet.sessions.qwen_registry import QwenRegistry
from multifleet.sessions.seeds import SeedBox, fragment
from multifleet.store.rows import InboxRow
from multifleet.store.store import Store

QUICK, SLOW = 0.1, 1.0
"""Seconds between two looks at transcripts and registry, while something is expected soon, and else."""
EXPECTED_SOON = 60.0
"""Seconds after an offer, or after a session began."""
REST, REST_LIMIT = 10.0, 0.2
"""After a look: so many times as long as it took, but no more seconds than these."""
EXPIRE_EVERY = 5.0
LIMITS_KEPT = 4_096
"""Pairs of a sending machine and a session's process whose limits are known; one that rests is full again soon."""
CHOSEN_ANEW = "whether its seat may be disturbed has changed"


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
        sending: Callable[[], Sending],
        out: Callable[[str], Out | None] = lambda node: None,
        is_stopped: Callable[[str | None], bool] = lambda seat: False,
    ) -> None:
        """`is_stopped`: whether nothing is shown to sessions on a seat; None: of what is for the node alone."""
        self._node = setup.identity.node
        self._store = store
        self._clock = clock
        self._counters = counters
        self._state_to = state_to
        self._out = out
        self._copies = Copies(store, counters) if setup.config.seedCopies else None
        config = claude_config(setup.config.claudeConfigDir)
        codex = codex_folder(setup.config.codexHome)
        registry, qwen = ClaudeRegistry(config), QwenRegistry(qwen_folder(setup.config.qwenHome))
        self.inboxes = Inboxes(registry, qwen)
        self.seats = Seats(store, clock, registry.known_projects)
        self.others = OtherClients(store, clock, CodexThreads(codex), qwen)
        self.clients = Clients(store, clock, counters, config, self.wake, self.others.runs_hooks)
        self.quiet = Quiet(store, clock, self.seats.has)
        self.mates = mates = Mates(self._node, store, clock, self.seats.known_for, self.seats.has)
        of_clients = (registry, self.others, self.clients)
        self.live = LiveSessions(config, self.seats, *of_clients, clock, setup.home, self.quiet, mates)
        self.live.is_stopped = self._is_stopped = is_stopped
        self.golds = Golds(config, clock)
        self._seeds = SeedBox(setup.home)
        watching = Watching(config, codex, self.others.chat_of)
        self.offers = Offers(store, clock, counters, watching, state_to, lambda sender: refusal_words(out(sender)))
        self._ringing = Ringing(codex, self.offers, self._seeds, clock, counters, setup.config.typeToWake)
        self.replies = Replies(self._node, store, counters, self.inboxes, sending, self.wake)
        self._rousing = Rousing(setup.home, self._seeds, self.offers, clock)
        self._due = Due(store, clock, self.offers, self._is_out, lambda seat: is_stopped(self.mates.governs(seat)))
        self._following = Following(
            self.offers,
            watching,
            self._seeds,
            clock,
            self._due.hold_back,
            self._is_out,
            self.clients.turn_to_hooks,
            registry.was_killed,
        )
        self._holding = Holding(self.offers, store, clock, counters, self.inboxes, self.replies.socket_for)
        self._hearing = Hearing(self.replies, self._following, self._holding, self.live, counters)
        self._making = Making(self.offers, self.golds, self._due.hold_back, self._is_out, self._is_for_stopped)
        self.kept_back = KeptBack(store, clock, self.live, state_to)
        self._limits: Recent[tuple[str, int], OfferLimits] = Recent(LIMITS_KEPT)
        self._news = asyncio.Event()
        self._expect_until = 0.0
        self._expire_at = 0.0
        self._turn_lock = asyncio.Lock()

    def wake(self) -> None:
        """Something arrived, or changed."""
        self._news.set()

    async def start(self, stack: AsyncExitStack) -> None:
        """Take up what an earlier run left open."""
        await self.clients.load()
        await self.quiet.load()
        await self.others.load()
        await self.mates.load()
        await self.offers.load()
        await self.replies.start(stack)

    async def run(self, group: asyncio.TaskGroup) -> None:
        """Until cancelled."""
        self.clients.start(group)
        self._ringing.start(group)
        self.replies.tell_in(group)
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

    async def waiting(self) -> list[InboxRow]:
        """Messages that wait for a session."""
        return await self._store.inbox.waiting(WAITING_LIMIT, self._clock.now())

    async def session_started(self, session_id: str, cwd: str, interactive: bool, later: Session | None = None) -> str:
        """What waits for a session that begins, for its hook to show; empty where its inbox socket will take it, or
        its next hook: `later` is the session then."""
        if self.live.is_own(cwd):
            return ""
        seat = self.seats.of_folder(cwd) if interactive else self.seats.known_for(cwd)
        self._expect_until = self._clock.monotonic() + EXPECTED_SOON
        self.wake()
        if interactive:
            return ""
        async with self._turn_lock:
            self.live.begun(session_id)
            if self._is_stopped(seat):
                return ""
            wanted = self.seats.with_node({seat} if seat else set())
            rows = for_session(await self._due.at(wanted, {session_id}), session_id)
            rows = [row for row in rows if self.live.may_get(row, cwd)]
            if self.quiet.covers(seat):
                rows = [row for row in rows if passes(row.type)]
            if rows and later is not None:
                await self._offer_by_hook(Plan(later, HOOKS, "", rows))
                return ""
            return await self._making.for_hook(session_id, cwd, rows[:AT_ONCE]) if rows else ""

    async def turn_away(self, sender: str, reason: str) -> int:
        """Show nothing more of what a machine sent, because it was put out; how many messages that are."""
        async with self._turn_lock:
            await self._following.withdraw()
            if self._copies is not None:
                await self._copies.remove(sender)
            return await self._store.roster.turn_away(sender, reason, self._clock.now())

    async def leave_alone(self, seat: str, until: str | None, *, off: bool) -> None:
        """Do not disturb the sessions of a seat, or do so again; what lies ready for their hooks is chosen anew."""
        await self.quiet.set(seat, until, off=off)
        async with self._turn_lock:
            await self._following.take_back(
                lambda offer: self.seats.known_for(offer.row.transcript or "/") == seat, CHOSEN_ANEW
            )
        self.wake()

    async def take_back_stopped(self) -> None:
        """Nothing is shown from here on where that is stopped; what lies ready for hooks there is taken back."""
        async with self._turn_lock:
            await self._following.take_back(self._is_for_stopped, STOPPED)
        self.wake()

    def _is_for_stopped(self, offer: Open) -> bool:
        return self._is_stopped(self.seats.known_for(offer.row.transcript or "/"))

    def _is_out(self, sender: str) -> bool:
        return self._out(sender) is not None

    async def _turn(self) -> float | None:
        """Everything there is to do now; seconds until the next look, None for only when woken."""
        await self._expire()
        found = await self.live.find()
        await self.kept_back.look()
        if not found.sessions and not self.offers and not self.replies.words:
            return await self._until_next(nothing_to_do=True)
        await self._hearing.hear()
        await self._following.take_back(self._is_for_stopped, STOPPED)
        await self._following.look(found)
        await self._holding.look(found)
        testing = False
        rows = await self._due.at(self.live.wanted_by(found), {session.session_id for session in found.sessions})
        choose = partial(self.live.choose, found)
        asker = partial(self._asker, found)
        for plan in plans(rows, self.live.wanted_seat, choose, self.live.way, asker, self.live.may_get):
            testing = testing or plan.way == TESTING
            if plan.way == SOCKET:
                await self._offer_by_socket(plan)
            elif plan.way == HOOKS:
                await self._offer_by_hook(plan)
        self._ringing.look(found)
        self._rousing.look(found)
        if testing:
            return QUICK
        return await self._until_next(nothing_to_do=not rows and not self.offers)

    def _asker(self, found: Found, row: InboxRow) -> Session | None:
        """The conversation that a message answers, where it may be given that: what is for another seat would go past
        the rules for its own, and none is disturbed or gone on with that is not to be."""
        session = self.replies.asker(found, row)
        if session is None or self.seats.known_for(session.cwd) not in (None, self.live.wanted_seat(row)):
            return None
        return self.live.choose(found, None, passes(row.type), session.session_id)

    async def _until_next(self, *, nothing_to_do: bool) -> float | None:
        # What is stored may be offered later, or has expired and must be told so.
        nothing_to_do = nothing_to_do and not await self._store.inbox.waiting(1)
        now = self._clock.monotonic()
        soon = any(now - offer.since < EXPECTED_SOON for offer in self.offers)
        if soon or (now < self._expect_until and not nothing_to_do):
            return QUICK
        return None if nothing_to_do else SLOW

    async def _expire(self) -> None:
        now = self._clock.monotonic()
        if now < self._expire_at:
            return
        self._expire_at = now + EXPIRE_EVERY
        self._following.tidy()
        for sender in await self.mates.turn_away():
            self._state_to(sender)
        for row in await self._store.inbox.expire(self._clock.now()):
            self._state_to(row.sender)

    async def _offer_by_socket(self, plan: Plan) -> None:
        session = plan.session
        undelivered = sum(offer.session == session.session_id and offer.state != State.SEEN for offer in self.offers)
        offer_id = str(uuid.uuid4())
        # By this id the text differs from every other, also where the same messages were not taken just now.
        # Counted by machine: which of its seats it names as the sender is its own word.
        key = (plan.rows[0].sender, session.pid)
        limits = self._limits.get(key) or OfferLimits()
        self._limits.put(key, limits)
        wait = limits.take(offer_id, undelivered, self._clock.monotonic())
        if wait > 0:
            for row in plan.rows:
                self._due.hold_back(row.id, wait)
            return
        reply = await self.replies.socket_for(plan.remote)
        made = await self._making.offer(offer_id, plan, shown_in(session.client), (session.pid, session.proc_start))
        if made is None:
            return
        offer, fenced, rows = made
        try:
            await self.inboxes.post(
                session,
                offer_id=offer.id,
                text=fenced.text,
                reply=reply,
                from_name=plan.remote,
                from_session=token_of(offer.id),
                from_mode=mode_of(rows),
            )
        except Unreachable as error:
            self._counters.failed("offer_unreachable", session=session.session_id, reason=error)
            await self._making.take_back(rows, offer.id, str(error))
        except UnknownOutcome as error:
            self._counters.failed("offer_unknown", session=session.session_id, reason=error)
        else:
            await self.offers.say(offer, State.OFFERED, "written to a session's inbox")
            for row in rows:
                self.replies.showed(session.session_id, row)

    async def _offer_by_hook(self, plan: Plan) -> None:
        session_id = plan.session.session_id
        if self._seeds.waits(session_id):
            await self._make_room(plan)
            return
        made = await self._making.offer(str(uuid.uuid4()), plan, shown_by_hook)
        if made is None:
            return
        offer, fenced, rows = made
        try:
            put = self._seeds.put(session_id, fragment(fenced.text))
        except (NotOurs, OSError, ValueError) as error:
            self._counters.failed("seed_refused", session=session_id, reason=error)
            put = False
        if not put:
            await self._making.take_back(rows, offer.id, "no seed could be laid")
        elif self._copies is not None:
            await self._copies.write(self.live.seat_of(plan.session), fenced.text, (row.sender for row in rows))

    async def _make_room(self, plan: Plan) -> None:
        """What lies ready is taken back where more came for the same session, so that all of it is one text."""
        if self.clients.is_testing(plan.session):
            return  # the inbox may be open to it in a moment
        wait = {(row.sender, row.id) for row in plan.rows}

        def is_older(offer: Open) -> bool:
            return offer.session == plan.session.session_id and not wait <= offer.waited and not offer.is_digest

        if await self._following.take_back(is_older, "more came for the same session"):
            self.wake()
