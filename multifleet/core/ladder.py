"""The repair ladder: what is done, and when, about a fast channel that is broken while its peer is there all the same.

LADDER is the whole of it; the table in COMMS-PROTOCOL.md is printed from it. `Ladders` decides and never acts: its
caller is told what to do, does it, and reports. Moments arrive as arguments, by a clock that never goes back. That a
channel works again is not known here either: the caller closes a case when a signed round trip has shown it.

A storm of repairs cannot come of it: one step at a time for each peer, and at most three escalations in an hour
whatever breaks, heals and breaks again. What was refused for that is kept and shown, and has its turn later. A step
that reached nobody is none of them; a person may insist on so many more.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

from multifleet.core.channel_state import ChannelHealth, ChannelState

ESCALATIONS, ESCALATIONS_WITHIN = 3, 3_600.0
"""How often a node may turn to one other about repairs, in so many seconds."""
INSISTED = 6
"""The same where a person insists: those that are left and three more."""
AROUND = 60.0
"""Seconds before a channel broke in which what another one did still speaks of the same trouble."""
DIRECT = ("nats", "http")
"""Channels that should work whenever their peer is there at all."""
BY_A_SERVER = ("nats",)
"""Those of them that go through one server, whoever the peer is."""


class Level(StrEnum):
    """How far up the ladder a case is."""

    NOTE = "L1"
    GUIDE = "L2"
    ASSIST = "L3"
    HUMAN = "L4"


@dataclass(frozen=True, slots=True)
class Rung:
    """One row of the ladder."""

    level: Level
    does: str
    wait: float
    """Seconds before the next rung, in which the channel is probed; none where nobody has taken this one up."""
    not_before: float = 0.0
    """Seconds after the case began before which it is not climbed."""
    is_escalation: bool = False
    """Whether another machine is turned to, which is limited."""


LADDER = (
    Rung(Level.NOTE, "record and show it; mend what is kept on this side, and probe", 0.0),
    Rung(
        Level.GUIDE,
        "tell the target over a channel that works; its own healer acts, from a fixed list",
        120.0,
        is_escalation=True,
    ),
    Rung(
        Level.ASSIST,
        "repair from outside over SSH: named repairs of the target's own daemon",
        300.0,
        is_escalation=True,
    ),
    Rung(Level.HUMAN, "tell this machine's user, with the commands to type", inf, not_before=900.0),
)
_PLACE: Mapping[Level, int] = {rung.level: place for place, rung in enumerate(LADDER)}


@dataclass(frozen=True, slots=True)
class Case:
    """One broken channel to one peer, and the rung that it stands on."""

    peer: str
    channel: str
    evidence: str
    """Why it is one, in words."""
    began_at: float
    level: Level = Level.NOTE
    at: float = 0.0
    """When that rung was climbed."""
    outcome: str = ""
    """What came of it, in words."""
    taken_up: bool = False
    """Whether somebody does something about it, for whom to wait."""

    @property
    def rung(self) -> Rung:
        """The row of the ladder."""
        return LADDER[_PLACE[self.level]]

    @property
    def above(self) -> Rung | None:
        """The next row; None on the last."""
        place = _PLACE[self.level] + 1
        return LADDER[place] if place < len(LADDER) else None

    @property
    def above_level(self) -> Level:
        """What is done next when a person asks; on the last rung that one again."""
        return self.level if self.above is None else self.above.level

    @property
    def due_at(self) -> float:
        """When the next rung is climbed, if nothing stands against it."""
        if self.above is None:
            return inf
        waited = self.at + (self.rung.wait if self.taken_up else 0.0)
        return max(waited, self.began_at + self.above.not_before)


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done now: one rung for one peer, about all channels that are there for it."""

    peer: str
    level: Level
    cases: tuple[Case, ...]
    at: float
    """When it was begun."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Whose repair it is."""
        return tuple(case.channel for case in self.cases)

    @property
    def escalation(self) -> "Escalation | None":
        """What it counts as, where it is limited."""
        return Escalation(self.peer, self.level, self.at) if LADDER[_PLACE[self.level]].is_escalation else None


@dataclass(frozen=True, slots=True)
class Escalation:
    """That a peer was turned to; it counts from before it is tried."""

    peer: str
    level: Level
    at: float


class Ladders:
    """All cases of one node."""

    def __init__(self, cases: Iterable[Case] = (), escalations: Iterable[Escalation] = ()) -> None:
        self._cases = {(case.peer, case.channel): case for case in cases}
        self._escalations: dict[str, list[Escalation]] = {}
        for one in escalations:
            self._escalations.setdefault(one.peer, []).append(one)
        self._busy: dict[str, Level] = {}

    @property
    def cases(self) -> Collection[Case]:
        """Those that are open."""
        return list(self._cases.values())

    def of(self, peer: str, channel: str) -> Case | None:
        """The open case of a channel."""
        return self._cases.get((peer, channel))

    def begin(self, peer: str, channel: str, evidence: str, now: float) -> Case | None:
        """A new case on the lowest rung; None where there is one already."""
        if (peer, channel) in self._cases:
            return None
        case = Case(peer, channel, evidence[:200], began_at=now, at=now)
        self._cases[peer, channel] = case
        return case

    def close(self, peer: str, channel: str) -> Case | None:
        """The channel has proved itself, or is none any more."""
        return self._cases.pop((peer, channel), None)

    def forget(self, peer: str) -> list[Case]:
        """It is no member any more. What was done to it still counts."""
        gone = [case for case in self._cases.values() if case.peer == peer]
        for case in gone:
            self._cases.pop((case.peer, case.channel))
        return gone

    def left(self, peer: str, now: float, most: int = ESCALATIONS) -> int:
        """How many escalations towards a peer are left in this hour, of so many."""
        return max(0, most - len(self._lately(peer, now)))

    def free_at(self, peer: str, now: float, most: int = ESCALATIONS) -> float:
        """When there is one left again; now where there is."""
        lately = self._lately(peer, now)
        return now if len(lately) < most else sorted(one.at for one in lately)[-most] + ESCALATIONS_WITHIN

    def is_busy(self, peer: str) -> bool:
        """Whether a step for it is under way."""
        return peer in self._busy

    def is_mending(self, peer: str) -> bool:
        """Whether that step may mend something; to tell a person does not."""
        return self._busy.get(peer, Level.HUMAN) is not Level.HUMAN

    def is_refused(self, case: Case, now: float) -> bool:
        """Whether the next rung would be climbed now, were there not too many escalations already."""
        above = case.above
        return above is not None and above.is_escalation and case.due_at <= now and not self.left(case.peer, now)

    def next(self, now: float, is_reachable: Callable[[str], bool]) -> list[Step]:
        """What is to be done now; each is under way until `done`, and escalations count from here on.

        Nothing is done about peers that are not reachable by anything: they sleep, or are gone.
        """
        steps = []
        for peer in sorted({case.peer for case in self._cases.values()} - self._busy.keys()):
            due = [case for case in self._cases.values() if case.peer == peer and case.due_at <= now]
            if not due or not is_reachable(peer):
                continue
            step = self._step(peer, due, now)
            if step is not None:
                steps.append(step)
        return steps

    def climb(
        self, peer: str, channels: Collection[str], level: Level, now: float, most: int = ESCALATIONS
    ) -> Step | None:
        """The same because a person wants it, whatever rung the cases are on; None where the limit, or another step,
        stands against it."""
        cases = [case for case in self._cases.values() if case.peer == peer and case.channel in channels]
        rung = LADDER[_PLACE[level]]
        if not cases or peer in self._busy or (rung.is_escalation and not self.left(peer, now, most)):
            return None
        return self._begin(peer, rung, cases, now)

    def done(self, step: Step, outcome: str, now: float, *, taken_up: bool, reached: bool = True) -> list[Case]:
        """What came of a step; the cases of it that are still open, as they are now.

        `reached`: whether it came as far as the peer, or may have; else the peer was not turned to.
        """
        self._busy.pop(step.peer, None)
        counted = self._escalations.get(step.peer, [])
        if not reached and step.escalation in counted:
            counted.remove(step.escalation)
        still = []
        for was in step.cases:
            case = self._cases.get((was.peer, was.channel))
            if case is None or case.began_at != was.began_at:
                continue  # it has proved itself meanwhile
            case = replace(case, level=step.level, at=now, outcome=outcome[:300], taken_up=taken_up)
            self._cases[case.peer, case.channel] = case
            still.append(case)
        return still

    def wake_at(self, now: float) -> float:
        """When there may be something to do next, if nothing happens before."""
        return min((self._wake_for(case, now) for case in self._cases.values()), default=inf)

    def escalations(self, peer: str, now: float) -> list[Escalation]:
        """Those of the last hour, oldest first."""
        return sorted(self._lately(peer, now), key=lambda one: one.at)

    def _wake_for(self, case: Case, now: float) -> float:
        return max(case.due_at, self.free_at(case.peer, now)) if self.is_refused(case, now) else case.due_at

    def _step(self, peer: str, due: list[Case], now: float) -> Step | None:
        """The lowest rung of those that are due and allowed: what is cheap is tried before what is dear."""
        for rung in LADDER[1:]:
            here = [case for case in due if case.above is rung]
            if here and (not rung.is_escalation or self.left(peer, now)):
                return self._begin(peer, rung, here, now)
        return None

    def _begin(self, peer: str, rung: Rung, cases: list[Case], now: float) -> Step:
        self._busy[peer] = rung.level
        step = Step(peer, rung.level, tuple(sorted(cases, key=lambda case: case.channel)), now)
        if step.escalation is not None:
            self._escalations[peer] = [*self._lately(peer, now), step.escalation]
        return step

    def _lately(self, peer: str, now: float) -> list[Escalation]:
        return [one for one in self._escalations.get(peer, ()) if one.at > now - ESCALATIONS_WITHIN]


def should_begin(
    health: Mapping[str, ChannelHealth], *, is_there: bool, direct: Collection[str] = DIRECT
) -> dict[str, str]:
    """The channels of one peer that should work and do not, and how that is known: they have worked, are broken, and
    the peer is heard, or has answered by another channel since."""
    found = {}
    for name in direct:
        mine = health.get(name)
        if mine is None or mine.last_ok is None or mine.state is not ChannelState.BROKEN:
            continue
        others = [other for other in health if other != name and _answered(health[other], mine.changed_at)]
        if is_there or others:
            since = sorted(other for other in others if (health[other].last_ok or 0.0) >= mine.quiet_since)
            before = "the peer was heard" if is_there else f"it had just answered by {', '.join(sorted(others))}"
            how = f"after that it answered by {', '.join(since)}" if since else before
            found[name] = f"{mine.last_error or 'no answer'}; {how}"
    return found


def is_reachable(health: Mapping[str, ChannelHealth], cases: Iterable[Case], *, is_there: bool) -> bool:
    """Whether a peer is there by anything but the broken channels: it is heard, or has answered since they broke."""
    cases = list(cases)
    broken = {case.channel for case in cases}
    began_at = min((case.began_at for case in cases), default=inf)
    return is_there or any(_answered(known, began_at) for name, known in health.items() if name not in broken)


def _answered(other: ChannelHealth, broken_at: float) -> bool:
    """Messages go by another channel from the first failure on, and it takes three to break one."""
    return other.last_ok is not None and other.last_ok >= broken_at - AROUND


def at_their_server(
    found: Mapping[str, Mapping[str, str]], chief: str | None, under_repair: Collection[str] = ()
) -> dict[str, dict[str, str]]:
    """What is to be taken up, of all that was found: a channel that goes through one server and is lost to several
    peers at once is that server's trouble, and only one of them is turned to, while none is already."""
    taken = {peer: dict(channels) for peer, channels in found.items()}
    for channel in BY_A_SERVER:
        lost = sorted(peer for peer, channels in taken.items() if channel in channels)
        keeper = None if channel in under_repair else chief if chief in lost else next(iter(lost), None)
        for peer in lost:
            if peer != keeper:
                del taken[peer][channel]
    return {peer: channels for peer, channels in taken.items() if channels}
