"""A world in which a cascade is played through: channels that take a known time and end in a known way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from multifleet.core.cascade import Attempt, Cascade, Done, Outcome, OutcomeKind, Start, Wait
from multifleet.core.channel_state import ChannelHealth, ChannelState
from multifleet.core.routing import ChannelFacts, Success, Tier

STORED, PARKED, NUDGED = OutcomeKind.STORED, OutcomeKind.PARKED, OutcomeKind.NUDGED
REFUSED, FAILED = OutcomeKind.REFUSED_BY_PEER, OutcomeKind.FAILED

NATS = ChannelFacts("nats", "P1", Tier.RACED, 3, (Success.STORED,))
HTTP = ChannelFacts("http", "P2", Tier.RACED, 5, (Success.STORED,))
RELAY = ChannelFacts("relay", "P3", Tier.RACED, 5, (Success.PARKED,))
SEED = ChannelFacts("seed", "P4", Tier.KEPT, 10, (Success.PARKED,))
SSH = ChannelFacts("ssh", "P5", Tier.KEPT, 10, (Success.STORED, Success.PARKED))
WAKE = ChannelFacts("wake", "P6", Tier.LAST, 60, (Success.NUDGED,))
GIT = ChannelFacts("git", "P7", Tier.LAST, 30, (Success.PARKED,))
TEXT = ChannelFacts("text", "P8", Tier.LAST, 2, (Success.NUDGED,))
ALL = (NATS, HTTP, RELAY, SEED, SSH, WAKE, GIT, TEXT)
RACE = (NATS, HTTP, RELAY)
QUICK = ChannelHealth(ChannelState.HEALTHY, latencies=(0.01,))


@dataclass(frozen=True, slots=True)
class Ends:
    """How an attempt ends `after` seconds, unless its timeout comes first; None: it never answers."""

    after: float | None
    kind: OutcomeKind = FAILED
    unknown: bool = False


SILENT = Ends(None)


@dataclass(slots=True)
class Play:
    """What happened."""

    starts: list[tuple[float, str]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    ended: dict[str, float] = field(default_factory=dict)
    done_at: float = -1.0


def play(cascade: Cascade, world: Mapping[str, Ends], route: Sequence[ChannelFacts], start: float = 0.0) -> Play:
    """Carry out what the cascade decides until every attempt has ended; time jumps from event to event."""
    now, result = start, Play()
    ends: dict[str, tuple[float, Outcome]] = {}
    while True:
        step = cascade.next(now)
        wake: float | None = None
        match step:
            case Start(attempt):
                result.starts.append((now, attempt.channel))
                result.attempts.append(attempt)
                ends[attempt.channel] = _end(attempt, world.get(attempt.channel, SILENT), now)
                continue
            case Wait(until):
                assert until > now, "a wait that ends in the past would spin"
                wake = until
            case Done():
                result.done_at = now if result.done_at < 0 else result.done_at
        if not ends and wake is None:
            return result
        channel = min(ends, key=lambda name: ends[name][0], default=None)
        if channel is not None and (wake is None or ends[channel][0] <= wake):
            now, outcome = ends.pop(channel)
            result.ended[channel] = now
            cascade.record(outcome, now)
        else:
            assert wake is not None
            now = wake


def played(
    route: Sequence[ChannelFacts],
    world: dict[str, Ends],
    health: dict[str, ChannelHealth] | None = None,
    *,
    deadline: float = 120,
    backlog: bool = False,
    hedge_allowed: bool = False,
) -> tuple[Cascade, Play]:
    """The same with a cascade of its own."""
    cascade = Cascade(route, health or {}, deadline, backlog=backlog, hedge_allowed=hedge_allowed)
    return cascade, play(cascade, world, route)


def _end(attempt: Attempt, ends: Ends, now: float) -> tuple[float, Outcome]:
    if ends.after is None or ends.after > attempt.timeout:
        gave_up = Outcome(attempt, FAILED, f"no answer in {attempt.timeout:g} s", unknown=True)
        return now + attempt.timeout, gave_up
    error = "no route" if ends.kind is FAILED else "inbox full" if ends.kind is REFUSED else None
    where = "drop/1" if ends.kind is PARKED else None
    return now + ends.after, Outcome(attempt, ends.kind, error, ends.unknown, where)
