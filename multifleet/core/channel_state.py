"""The channel state machine: one state for every (peer, channel) pair.

Every way a channel can change state is a row of TRANSITIONS; the diagram in COMMS-PROTOCOL.md is printed from
this table. Time arrives as an argument: nothing here reads a clock. Only a signed round trip on that very
channel proves that it works; a repair that went well proves nothing yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil


class ChannelState(StrEnum):
    """How a channel to a peer is."""

    UNTRIED = "untried"
    HEALTHY = "healthy"
    DEGRADED = "degraded"  # still tried, but suspect
    BROKEN = "broken"  # skipped, so that it cannot eat the cascade's time
    HEALING = "healing"  # a repair is running; skipped as well until a round trip proves it


class ChannelEvent(StrEnum):
    """What happened to it."""

    ROUND_TRIP = "signed round trip"
    PARKED = "parked"
    FAILED = "failed"
    FAILED_THREE_TIMES = "failed three times"
    REPAIR_STARTED = "repair started"
    REPAIR_FAILED = "repair failed"
    QUIET = "15 minutes without a failure"
    QUIET_UNPROVEN = "15 minutes without a failure, never a round trip"


_S, _E = ChannelState, ChannelEvent

TRANSITIONS: Mapping[ChannelState, Mapping[ChannelEvent, ChannelState]] = {
    _S.UNTRIED: {
        _E.ROUND_TRIP: _S.HEALTHY,
        _E.PARKED: _S.UNTRIED,
        _E.FAILED: _S.DEGRADED,
    },
    _S.HEALTHY: {
        _E.ROUND_TRIP: _S.HEALTHY,
        _E.PARKED: _S.HEALTHY,
        _E.FAILED: _S.DEGRADED,
    },
    _S.DEGRADED: {
        _E.ROUND_TRIP: _S.HEALTHY,
        _E.PARKED: _S.UNTRIED,
        _E.FAILED: _S.DEGRADED,
        _E.FAILED_THREE_TIMES: _S.BROKEN,
        _E.QUIET: _S.HEALTHY,
        _E.QUIET_UNPROVEN: _S.UNTRIED,
    },
    _S.BROKEN: {
        _E.ROUND_TRIP: _S.HEALTHY,
        _E.PARKED: _S.UNTRIED,
        _E.FAILED: _S.BROKEN,
        _E.REPAIR_STARTED: _S.HEALING,
    },
    _S.HEALING: {
        _E.ROUND_TRIP: _S.HEALTHY,
        _E.PARKED: _S.UNTRIED,
        _E.FAILED: _S.HEALING,
        _E.REPAIR_FAILED: _S.BROKEN,
    },
}

FAILURES_TO_BREAK = 3
QUIET_AFTER = 15 * 60.0
"""Seconds without a failure after which a degraded channel is trusted again."""
PROBE_FIRST = 5.0
"""Seconds from a failure to the probe that follows it; doubled after each that fails once the channel is broken."""
PROBE_CAP = 20.0
LATENCIES_KEPT = 32
ERROR_LIMIT = 400
"""Characters of an error that are kept: what a server at the other end said may be in it."""


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """What is known about one channel to one peer. Moments are wall-clock seconds, fit to be shown."""

    state: ChannelState = ChannelState.UNTRIED
    failures: int = 0
    """Failures in a row."""
    changed_at: float = 0.0
    """When it came into this state."""
    last_ok: float | None = None
    last_error: str | None = None
    latencies: tuple[float, ...] = ()
    """Seconds of the latest round trips, oldest first."""
    failed_at: float | None = None
    """When it failed last; `changed_at` stands in where that was not kept."""
    last_parked: float | None = None
    """When a frame was taken where it waits for the peer: nothing stands against the channel then, and that the peer
    gets it is not proved."""

    @property
    def p95(self) -> float | None:
        """Seconds within which 95 of 100 of the latest round trips came back; None before the first."""
        if not self.latencies:
            return None
        return sorted(self.latencies)[ceil(0.95 * len(self.latencies)) - 1]

    @property
    def median(self) -> float | None:
        """Seconds that half of the latest round trips took; None before the first."""
        return sorted(self.latencies)[len(self.latencies) // 2] if self.latencies else None

    @property
    def worth_trying(self) -> bool:
        """Whether a message is given to it while there are others."""
        return self.state not in (ChannelState.BROKEN, ChannelState.HEALING)

    @property
    def has_failed(self) -> bool:
        """Whether it has failed since a round trip, also where frames have been taken since that wait for the peer."""
        return bool(self.failures) or (self.failed_at is not None and self.failed_at > (self.last_ok or 0.0))

    @property
    def quiet_since(self) -> float:
        """The moment of the last failure."""
        return self.changed_at if self.failed_at is None else self.failed_at


class IllegalTransition(Exception):
    """The event cannot happen in this state, so one of the two is wrong."""


def advance(
    health: ChannelHealth,
    event: ChannelEvent,
    now: float,
    round_trip: float | None = None,
    error: str | None = None,
) -> ChannelHealth:
    """The health after `event`; `round_trip` in seconds. IllegalTransition if the event cannot follow."""
    failed = event is ChannelEvent.FAILED
    failures = health.failures + 1 if failed else health.failures
    if failed and health.state is ChannelState.DEGRADED and failures >= FAILURES_TO_BREAK:
        event = ChannelEvent.FAILED_THREE_TIMES
    try:
        state = TRANSITIONS[health.state][event]
    except KeyError:
        raise IllegalTransition(f"{event} while {health.state}") from None
    changed_at = health.changed_at if state is health.state else now
    if event is ChannelEvent.ROUND_TRIP:
        kept = health.latencies if round_trip is None else (*health.latencies, round_trip)[-LATENCIES_KEPT:]
        # Each message comes here: `replace` would cost it three times as much.
        return ChannelHealth(
            state, 0, changed_at, now, health.last_error, kept, health.failed_at, health.last_parked
        )
    if event is ChannelEvent.PARKED:
        return replace(health, state=state, failures=0, changed_at=changed_at, last_parked=now)
    if event in (ChannelEvent.QUIET, ChannelEvent.QUIET_UNPROVEN):
        failures = 0
    after = replace(health, state=state, failures=failures, changed_at=changed_at)
    if failed:
        return replace(after, failed_at=now, last_error=error[:ERROR_LIMIT] if error is not None else health.last_error)
    return after


def settle(health: ChannelHealth, now: float) -> ChannelHealth:
    """The health as it is to be read at `now`: fifteen quiet minutes clear a degraded channel."""
    if health.state is not ChannelState.DEGRADED or now - health.quiet_since < QUIET_AFTER:
        return health
    proven = health.last_ok is not None
    return advance(health, ChannelEvent.QUIET if proven else ChannelEvent.QUIET_UNPROVEN, now)


def probe_at(health: ChannelHealth) -> float | None:
    """When the channel is to be probed next; None where nothing has failed since it worked last.

    A degraded one is probed as well: messages go by others that are quicker, and would never show that it works again.
    """
    if not health.failures:
        return None
    doublings = min(max(health.failures - FAILURES_TO_BREAK, 0), 16)
    return health.quiet_since + min(PROBE_FIRST * 2.0**doublings, PROBE_CAP)


def probe_due(health: ChannelHealth, now: float) -> bool:
    """Whether to probe the channel now; at once when the clock was set back meanwhile."""
    at = probe_at(health)
    return at is not None and (now >= at or now < health.quiet_since)


def mermaid() -> str:
    """The diagram of all changes of state, as COMMS-PROTOCOL.md shows it."""
    lines = ["stateDiagram-v2", f"    [*] --> {ChannelState.UNTRIED}"]
    for state, row in TRANSITIONS.items():
        lines += [f"    {state} --> {after}: {event}" for event, after in row.items() if after is not state]
    return "\n".join(lines) + "\n"
