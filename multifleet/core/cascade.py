"""The delivery cascade: which channel carries a frame next, and when.

A Cascade decides; it never sends. The caller asks for the next step, carries it out, and reports what became
of it:

    step = cascade.next(now)      Start: start this attempt, and ask again at once
                                  Wait:  ask again at that time, or when an outcome was recorded
                                  Done:  read the verdict; attempts that still run end by themselves
    cascade.record(outcome, now)  also after Done: a loser's outcome is its channel's health

so every rule of order, skipping, racing and time can be tested without a network. The race follows RFC 8305
(Happy Eyeballs, version 2): start the best, and the next one only after a silence that is unusual for the one
that runs.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from multifleet.core.channel_state import ChannelHealth
from multifleet.core.receipts import State
from multifleet.core.routing import ChannelFacts, Tier

HEDGE_AT_LEAST = 0.05
"""Seconds of silence before which no channel is hedged."""
HEDGE_UNKNOWN = 0.25
"""Seconds of silence for a channel without a history: the default of RFC 8305, section 5."""
KEPT_AFTER = 0.8
"""Seconds of silence from the first raced channel after which all others start; no hedge waits longer."""
DOUBTED_AFTER = 0.25
"""The same where the channel's last attempt failed."""
OTHERS_FIRST = 0.25
"""Seconds that raced channels which start then are given before the kept ones do."""
AT_ONCE = float("-inf")


class OutcomeKind(StrEnum):
    """How an attempt ended."""

    STORED = "stored"
    PARKED = "parked"
    NUDGED = "nudged"
    REFUSED_BY_PEER = "refused by peer"  # signed: the channel works, and the peer takes no more for now
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try on one channel; `timeout` in seconds."""

    number: int
    channel: str
    timeout: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to. `unknown`: the peer may have the frame all the same."""

    attempt: Attempt
    kind: OutcomeKind
    error: str | None = None
    unknown: bool = False
    where: str | None = None
    refusal: str = ""
    """The word of the peer's signed refusal."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start this attempt; it is given out once."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`, unless an outcome is recorded."""

    until: float


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more will be started."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the cascade came to: `state` is stored, sent, or None with the reasons of all channels."""

    state: State | None
    channel: str | None
    reason: str | None
    unknown_outcome: bool
    refused_by_peer: bool = False
    where: str | None = None


_ENDS_IT = frozenset({OutcomeKind.STORED, OutcomeKind.PARKED, OutcomeKind.REFUSED_BY_PEER})
_CONFIRMS = frozenset({OutcomeKind.STORED, OutcomeKind.REFUSED_BY_PEER})
_STATES = {OutcomeKind.STORED: State.STORED, OutcomeKind.PARKED: State.SENT, OutcomeKind.NUDGED: State.SENT}


class Cascade:
    """The decisions for one frame to one peer. `now` and `deadline` are monotonic seconds."""

    def __init__(
        self,
        route: Sequence[ChannelFacts],
        health: Mapping[str, ChannelHealth],
        deadline: float,
        *,
        backlog: bool = False,
        hedge_allowed: bool = False,
        first_number: int = 1,
        silent: Collection[str] = (),
        until_confirmed: bool = False,
        by_speed: bool = True,
    ) -> None:
        """`silent`: channels on which an earlier frame has waited in vain for a while, so that none waits for them
        alone; `until_confirmed`: to go on until the recipient has answered, wherever the frame lies meanwhile;
        `by_speed`: raced channels start in the order of their measured round trips, not of the route."""
        self._route = tuple(route)
        self._health = dict(health)
        self._silent = frozenset(silent)
        self._ends_it = _CONFIRMS if until_confirmed else _ENDS_IT
        self._all_at_once = until_confirmed
        self._by_speed = by_speed
        self._race: list[ChannelFacts] | None = None
        self._deadline = deadline
        self._may_hedge = hedge_allowed and not backlog
        self._number = first_number
        self._started: dict[str, float] = {}
        self._ended: dict[str, Outcome] = {}
        self._done = False
        self._is_over = False
        """Whether an outcome has come after which nothing more is to be tried."""
        self.hedged = False
        """Whether the hedge that was allowed was made."""
        self.late: list[Outcome] = []
        """Outcomes recorded after Done or the deadline."""

    def next(self, now: float) -> Start | Wait | Done:
        """The next step. An attempt that is given out counts as started at `now`."""
        if self._done or now >= self._deadline or self._is_over:
            return self._finish()
        if not self._started and (raced := self._raced()):
            return Start(self._start(raced[0], now))
        wakes: list[float] = []
        for facts, at, hedge in self._candidates():
            if at > now:
                wakes.append(at)
                continue
            self.hedged = self.hedged or hedge
            return Start(self._start(facts, now))
        if not wakes and not self.running:
            return self._finish()
        return Wait(min([*wakes, self._deadline]))

    def record(self, outcome: Outcome, now: float) -> None:
        """Note how an attempt ended."""
        channel = outcome.attempt.channel
        if channel not in self._started or channel in self._ended:
            raise ValueError(f"no attempt on {channel} is running")
        self._ended[channel] = outcome
        self._is_over = self._is_over or outcome.kind in self._ends_it
        if self._done or now >= self._deadline:
            self.late.append(outcome)

    def beside_parked(self, now: float) -> tuple[Attempt, ...]:
        """What is to be tried once more although the frame lies somewhere: kept channels of the route by which the
        recipient itself might take it now, with nobody there who would look for it. Nobody waits for them."""
        if now >= self._deadline or all(outcome.kind is not OutcomeKind.PARKED for outcome in self.outcomes):
            return ()
        kept = self._unstarted(self._tried(Tier.KEPT))
        return tuple(self._start(facts, now) for facts in kept if facts.answers)

    @property
    def running(self) -> tuple[str, ...]:
        """Channels whose attempt has not ended."""
        return tuple(name for name in self._started if name not in self._ended)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What was recorded, in order."""
        return tuple(self._ended.values())

    @property
    def verdict(self) -> Verdict:
        """What is known by now; a late outcome may better it."""
        unknown = bool(self.running) or any(outcome.unknown for outcome in self.outcomes)
        by_kind = {outcome.kind: outcome for outcome in reversed(self.outcomes)}
        for kind, state in _STATES.items():
            if best := by_kind.get(kind):
                return Verdict(state, best.attempt.channel, best.error, unknown, where=best.where)
        if refusal := by_kind.get(OutcomeKind.REFUSED_BY_PEER):
            return Verdict(None, refusal.attempt.channel, refusal.error, unknown, refused_by_peer=True)
        return Verdict(None, None, self._reasons(), unknown)

    def _reasons(self) -> str:
        if not self._started:
            return "no time left" if self._route else "no channel to this peer"
        said = [f"{outcome.attempt.channel}: {outcome.error or 'failed'}" for outcome in self.outcomes]
        return "; ".join(said + [f"{name}: no answer in time" for name in self.running])

    def _candidates(self) -> Iterator[tuple[ChannelFacts, float, bool]]:
        """Channels that may start, best first: (channel, from when on, whether that is the hedge)."""
        raced, kept = self._raced(), self._tried(Tier.KEPT)
        silent_at = self._silent_at(raced)
        if waiting := self._unstarted(raced):
            running = [facts.name for facts in raced if facts.name in self.running]
            if not running or self._all_at_once:
                yield waiting[0], AT_ONCE, False
            else:
                if self._may_hedge and not self.hedged:
                    yield waiting[0], self._started[running[-1]] + self._silence(running[-1]), True
                # After so long a silence the others are no hedges any more: what runs has most likely failed.
                yield waiting[0], self._began(raced) + self._patience(raced), False
        if silent_at is not None:
            for facts in self._unstarted([*self._waited_for(), *kept]):
                yield facts, silent_at, False
        if not self.running and (left := self._last_resort()) is not None:
            yield left, AT_ONCE, False

    def _last_resort(self) -> ChannelFacts | None:
        """What is left when everything above has failed."""
        nudged = any(outcome.kind is OutcomeKind.NUDGED for outcome in self.outcomes)
        for facts in self._unstarted(self._tried(Tier.LAST)):
            # Somebody was told: telling again adds nothing, a place where the frame lies does.
            if not (nudged and facts.only_nudges):
                return facts
        # Bookkeeping alone must never make a peer unreachable: any of the broken ones may work by now.
        broken = self._unstarted([facts for facts in self._route if not self._worth_trying(facts)])
        return broken[0] if broken else None

    def _raced(self) -> list[ChannelFacts]:
        """In the order of their start: as quick as they were lately, those of unknown speed behind."""
        if self._race is None:
            raced = self._tried(Tier.RACED)
            self._race = sorted(raced, key=self._speed) if self._by_speed and len(raced) > 1 else raced
        return self._race

    def _waited_for(self) -> list[ChannelFacts]:
        """Raced channels on which an earlier frame waits: they may be slow only, and come before all dear ones."""
        return [facts for facts in self._route if facts.tier is Tier.RACED and facts.name in self._silent]

    def _speed(self, facts: ChannelFacts) -> float:
        usual = self._health.get(facts.name, ChannelHealth()).median
        return float("inf") if usual is None else usual

    def _tried(self, tier: Tier) -> list[ChannelFacts]:
        return [facts for facts in self._route if facts.tier is tier and self._worth_trying(facts)]

    def _worth_trying(self, facts: ChannelFacts) -> bool:
        return facts.name not in self._silent and self._health.get(facts.name, ChannelHealth()).worth_trying

    def _unstarted(self, channels: Sequence[ChannelFacts]) -> list[ChannelFacts]:
        return [facts for facts in channels if facts.name not in self._started]

    def _have_failed(self, channels: Sequence[ChannelFacts]) -> bool:
        return all([facts.name in self._ended for facts in channels])

    def _silent_at(self, raced: Sequence[ChannelFacts]) -> float | None:
        """When the raced channels will have been silent for long enough; None before one has started."""
        if self._have_failed(raced):
            return AT_ONCE
        if all([facts.name not in self._started for facts in raced]):
            return None
        return self._began(raced) + self._patience(raced) + (OTHERS_FIRST if len(raced) > 1 else 0.0)

    def _patience(self, raced: Sequence[ChannelFacts]) -> float:
        """Seconds until silence means failure: fewer where all that were started had failed just before."""
        started = [self._health.get(facts.name, ChannelHealth()) for facts in raced if facts.name in self._started]
        return DOUBTED_AFTER if all(health.failures for health in started) else KEPT_AFTER

    def _began(self, raced: Sequence[ChannelFacts]) -> float:
        return min(self._started[facts.name] for facts in raced if facts.name in self._started)

    def _silence(self, channel: str) -> float:
        p95 = self._health.get(channel, ChannelHealth()).p95
        return HEDGE_UNKNOWN if p95 is None else min(max(HEDGE_AT_LEAST, 2 * p95), KEPT_AFTER)

    def _start(self, facts: ChannelFacts, now: float) -> Attempt:
        attempt = Attempt(self._number, facts.name, min(facts.timeout, self._deadline - now))
        self._number += 1
        self._started[facts.name] = now
        return attempt

    def _finish(self) -> Done:
        self._done = True
        return Done()
