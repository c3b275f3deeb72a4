"""Carries out the repair ladder: sees which channels need it, makes its steps, and believes in a repair when a signed
round trip on that very channel has shown that it worked.

What is to be done, when, and how often at the most, is decided in core.ladder. A step is on disk before it is made.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any

from multifleet.channels.base import ChannelError
from multifleet.core.channel_state import ChannelEvent, ChannelState
from multifleet.core.ladder import (
    BY_A_SERVER,
    DIRECT,
    ESCALATIONS,
    INSISTED,
    Case,
    Ladders,
    Level,
    Step,
    at_their_server,
    is_reachable,
    should_begin,
)
from multifleet.core.repairs import REPAIRS, RepairAsk, RepairTold
from multifleet.core.visible import visible
from multifleet.errors import StoreUnavailable
from multifleet.node.asking import Asking, Declined
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.attempts import Attempts
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.targets import Targets
from multifleet.node.enduring import tell
from multifleet.node.events import Events
from multifleet.node.healing.human import Human
from multifleet.node.healing.mending import Mending
from multifleet.node.healing.outside import Outside, Tried
from multifleet.node.healing.picture import ByHand, why_refused
from multifleet.node.members import Member, Members
from multifleet.store.store import Store

SUBJECT = "healing"
"""Of the events that say that a case began, moved or ended."""
LOOK = 5.0
"""Seconds between two looks when nothing has happened."""
ASK_SECONDS = 15.0
"""For the target's healer to say what it does."""
MEND_AGAIN = 60.0
"""Seconds between two mendings of this side of one broken channel."""
AT_ONCE = 4
"""Repairs of this side that run at one time."""
_UNFIT = (ChannelState.BROKEN, ChannelState.HEALING)


class Healing:
    """One for the node."""

    def __init__(
        self,
        members: Members,
        targets: Targets,
        health: Health,
        attempts: Attempts,
        asking: Asking,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        events: Events,
        mending: Mending,
        outside: Outside,
        human: Human,
        *,
        is_there: Callable[[str], bool],
        why_away: Callable[[str], str],
        chief: Callable[[], str | None],
        learned: Callable[[str, Sequence[str]], None],
        direct: Collection[str] = DIRECT,
    ) -> None:
        """`why_away`: that it has said that it sleeps, or stops, in words. `learned` is told the addresses that a peer
        names."""
        self._members = members
        self._targets = targets
        self._health = health
        self._attempts = attempts
        self._asking = asking
        self._store = store
        self._clock = clock
        self._counters = counters
        self._events = events
        self.mending = mending
        self.outside = outside
        self._human = human
        self._is_there = is_there
        self.why_away = why_away
        self._chief = chief
        self._learned = learned
        self.direct = direct
        self.ladders = Ladders()
        self._mended: dict[tuple[str, str], float] = {}
        self._here: set[str] = set()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._wake = asyncio.Event()
        self._touched: set[str] | None = None
        """Peers of which something has changed since the last look; None: look at all."""
        self._ailing: set[str] = set()
        """Peers with a channel that was broken at the last look."""
        self._group: asyncio.TaskGroup

    async def load(self) -> None:
        """Resume where the daemon ended last."""
        self.ladders = Ladders(*await self._store.healing.load())

    async def run(self) -> None:
        """Until cancelled, or until a fault of its own; then it is run again."""
        async with asyncio.TaskGroup() as self._group:
            while True:
                self._wake.clear()
                touched, self._touched = self._touched, set()
                self._look(self._members.others() if touched is None else filter(None, map(self._members.get, touched)))
                await self._until_something()

    def changed(self, node: str, channel: str, after: ChannelState) -> None:
        """A channel has come into another state."""
        if after is ChannelState.HEALTHY:
            case = self.ladders.close(node, channel)
            if case is not None:
                self._store.healing.close_later([case])
                self._counters.count("channels_healed")
                self._events.happened(SUBJECT)
        self._touch(node)

    def _touch(self, node: str) -> None:
        if self._touched is not None:
            self._touched.add(node)
        self._wake.set()

    def woken(self) -> None:
        """Look at all of it at once."""
        self._touched = None
        self._wake.set()

    async def by_hand(self, node: str, level: Level | None, *, anyway: bool = False) -> ByHand:
        """What a person wants: this side mended and the next rung, or a named one; `anyway` also where the peer was
        turned to as often as the ladder itself may."""
        member = self._members.get(node)
        if member is None:
            return ByHand(refused=f"{node} is no member")
        now = self._clock.now()
        target = self._targets.of(member)
        unfit = {name: known for name, known in self._health.of(node).items() if known.state in _UNFIT}
        unfit = {name: known for name, known in unfit.items() if not self._targets.why_not(name, target)}
        for name, known in unfit.items():
            if name in REPAIRS:
                self._begin(node, name, f"{known.last_error or 'no answer'}; a person asks", now)
        here = "\n".join(await self._mend_here(member, sorted(unfit)))
        cases = self._cases(node)
        if not cases or level is Level.NOTE:
            still = sorted(name for name in unfit if self._health.of(node)[name].state in _UNFIT)
            if still and not cases:
                words = f"{', '.join(still)} to {node} cannot be mended from there: see `multifleet channels {node}`"
                return ByHand(words, here)
            return ByHand(done=here)
        wanted = level or min(cases, key=lambda case: case.began_at).above_level
        most = INSISTED if anyway else ESCALATIONS
        step = self.ladders.climb(node, [case.channel for case in cases], wanted, self._clock.now(), most)
        if step is None:
            return ByHand(why_refused(self.ladders, node, self._clock.now(), most), here)
        outcome = await self._make(member, step)
        return ByHand(done="\n".join(filter(None, (here, f"{wanted}: {outcome}"))))

    def _look(self, members: Iterable[Member]) -> None:
        now = self._clock.now()
        self._forget_strangers()
        found: dict[str, dict[str, str]] = {}
        members = list(members)
        for member in members:
            node = member.node
            health = self._health.of(node)
            broken = {name for name, known in health.items() if known.state in _UNFIT}
            self._close(case for case in self._cases(node) if case.channel not in broken)
            if not broken:
                self._ailing.discard(node)
                continue
            self._ailing.add(node)
            if self.why_away(node):
                continue
            useful = self._useful(member, broken)
            begins = should_begin(health, is_there=self._is_there(node), direct=self.direct)
            found[node] = {name: evidence for name, evidence in begins.items() if name in useful}
            low = sorted(name for name in useful.difference(self.direct) if health[name].state is ChannelState.BROKEN)
            if low and self._is_there(node):
                self._spawn(self._mend_here(member, low), f"mend {node}")
        open_ = {case.channel for case in self.ladders.cases}
        for node, channels in at_their_server(found, self._chief(), open_).items():
            begun = [name for name, evidence in channels.items() if self._begin(node, name, evidence, now)]
            member_ = self._members.get(node)
            if begun and member_ is not None:
                self._here.add(node)
                self._spawn(self._mend_first(member_, begun), f"mend {node}")
        for step in self.ladders.next(now, self._is_ready):
            member_ = self._members.get(step.peer)
            if member_ is not None:
                self._spawn(self._make(member_, step), f"repair {step.peer}")
        self._settle_states(members)

    def _useful(self, member: Member, broken: set[str]) -> set[str]:
        """Those of the channels that are not turned off, and may lead there; the cases of the others are over."""
        target = self._targets.of(member)
        useless = {name for name in broken if self._targets.why_not(name, target)}
        self._close(case for case in self._cases(member.node) if case.channel in useless)
        return broken - useless

    def _close(self, cases: Iterable[Case]) -> None:
        """There is nothing to repair any more."""
        for case in cases:
            self.ladders.close(case.peer, case.channel)
            self._store.healing.close_later([case])
            self._events.happened(SUBJECT)

    def _begin(self, node: str, channel: str, evidence: str, now: float) -> bool:
        """L1: it is recorded and shown."""
        case = self.ladders.begin(node, channel, visible(evidence, one_line=True), now)
        if case is None:
            return False
        self._store.healing.keep_later([case])
        self._counters.failed("channel_needs_repair", peer=node, channel=channel, reason=case.evidence)
        self._events.happened(SUBJECT)
        return True

    async def _mend_first(self, member: Member, channels: Sequence[str]) -> None:
        """Before the target is told anything, this side is mended."""
        try:
            await self._mend_here(member, channels)
        finally:
            self._here.discard(member.node)
            self._touch(member.node)

    async def _mend_here(self, member: Member, channels: Sequence[str]) -> list[str]:
        made = []
        for channel in channels:
            now = self._clock.monotonic()
            # What goes through one server has one client here, whoever cannot be reached by it.
            key = ("" if channel in BY_A_SERVER else member.node, channel)
            if now - self._mended.get(key, -MEND_AGAIN) < MEND_AGAIN:
                continue
            self._mended[key] = now
            async with self._room:
                for words in await self.mending.own(channel, member):
                    self._counters.failed("mended_here", peer=member.node, channel=channel, reason=words)
                    made.append(f"{channel}: {visible(words, one_line=True)}")
                await self._attempts.check(member, channel)
        return made

    async def _make(self, member: Member, step: Step) -> str:
        """One rung; whatever comes of it, in words, the ladder learns of it."""
        tried = Tried("fault", False)
        try:
            if step.escalation is not None:
                await self._store.healing.escalate(step.escalation)
            self._settle_states([member])
            if step.level is Level.GUIDE:
                tried = await self._guide(member, step)
            elif step.level is Level.ASSIST:
                tried = await self.outside.repair(self._targets.of(member))
            else:
                tried = Tried(await self._human.tell(self._targets.of(member), step.cases), True)
            tried = replace(tried, words=visible(tried.words, one_line=True))
            self._counters.failed(
                "repair_step", peer=step.peer, channels=",".join(step.channels), level=step.level, reason=tried.words
            )
        except StoreUnavailable as error:
            tried = Tried(str(error), False, reached=False)
        except Exception as error:  # noqa: BLE001  a fault in one step must not end the healer; it is told
            tell(self._counters, "repair_fault", step.level, error)
        finally:
            now = self._clock.now()
            still = self.ladders.done(step, tried.words, now, taken_up=tried.taken_up, reached=tried.reached)
            if step.escalation is not None and not tried.reached:
                self._store.healing.take_back_later(step.escalation)
            self._store.healing.keep_later(still)
            self._events.happened(SUBJECT)
            self._touch(step.peer)
        self._settle_states([member])
        if step.level is not Level.HUMAN:
            for channel in step.channels:
                await self._attempts.check(member, channel)
        return tried.words

    async def _guide(self, member: Member, step: Step) -> Tried:
        """L2: the target is told, and says what it does."""
        evidence = "; ".join(f"{case.channel}: {case.evidence}" for case in step.cases)[:300]
        ask = RepairAsk(channels=list(step.channels)[:8], evidence=evidence)
        try:
            told = await self._asking.ask(member.node, ask, ASK_SECONDS)
        except ChannelError as error:
            reached = error.unknown or isinstance(error, Declined)
            return Tried(f"{member.node} could not be told ({error})", False, reached)
        assert isinstance(told, RepairTold)
        self._learned(member.node, told.addresses)
        return Tried(f"{member.node} was told, and says: {'; '.join(told.done) or 'nothing'}", told.acted)

    def _settle_states(self, members: Iterable[Member]) -> None:
        """A channel is HEALING as long as somebody does something about it, and BROKEN otherwise."""
        now = self._clock.now()
        for member in members:
            for name, known in self._health.of(member.node).items():
                case = self.ladders.of(member.node, name)
                is_healed = case is not None and (
                    member.node in self._here
                    or self.ladders.is_mending(member.node)
                    or (case.taken_up and case.level is not Level.HUMAN and now < case.due_at)
                )
                if is_healed and known.state is ChannelState.BROKEN:
                    self._health.happened(member.node, name, ChannelEvent.REPAIR_STARTED)
                elif not is_healed and known.state is ChannelState.HEALING:
                    self._health.happened(member.node, name, ChannelEvent.REPAIR_FAILED)

    def _is_ready(self, node: str) -> bool:
        return node not in self._here and self.is_reachable(node)

    def is_reachable(self, node: str) -> bool:
        """Whether a peer is there by something, and has not said that it will not be."""
        if self.why_away(node) or self._members.get(node) is None:
            return False
        return is_reachable(self._health.of(node), self._cases(node), is_there=self._is_there(node))

    def _cases(self, node: str) -> list[Case]:
        return [case for case in self.ladders.cases if case.peer == node]

    def _forget_strangers(self) -> None:
        for node in {case.peer for case in self.ladders.cases}:
            if self._members.get(node) is None:
                self._store.healing.close_later(self.ladders.forget(node))

    def _spawn(self, work: Coroutine[Any, Any, object], name: str) -> None:
        self._group.create_task(work, name=name)

    async def _until_something(self) -> None:
        due_in = self.ladders.wake_at(now := self._clock.now()) - now
        rest = min(LOOK, due_in) if due_in > 0 else LOOK  # what is due and was not begun waits for something else
        try:
            async with asyncio.timeout(rest):
                await self._wake.wait()
        except TimeoutError:
            if self._touched is not None:
                self._touched |= self._ailing  # of the others nothing has changed
