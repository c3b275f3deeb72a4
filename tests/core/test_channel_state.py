"""The channel state machine, row by row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.channel_state import (
    ERROR_LIMIT,
    FAILURES_TO_BREAK,
    LATENCIES_KEPT,
    PROBE_CAP,
    QUIET_AFTER,
    TRANSITIONS,
    ChannelEvent,
    ChannelHealth,
    ChannelState,
    IllegalTransition,
    advance,
    mermaid,
    probe_at,
    probe_due,
    settle,
)

S, E = ChannelState, ChannelEvent
FAILED, ROUND_TRIP = E.FAILED, E.ROUND_TRIP


def after(*events: ChannelEvent, health: ChannelHealth | None = None) -> ChannelHealth:
    health = health or ChannelHealth()
    for tick, event in enumerate(events, start=1):
        health = advance(health, event, now=float(tick))
    return health


EXPECTED: list[tuple[ChannelState, ChannelEvent, ChannelState | None]] = [
    (S.UNTRIED, E.ROUND_TRIP, S.HEALTHY),
    (S.UNTRIED, E.PARKED, S.UNTRIED),  # that the peer gets it is for the peer to say
    (S.UNTRIED, E.FAILED, S.DEGRADED),
    (S.UNTRIED, E.FAILED_THREE_TIMES, None),
    (S.UNTRIED, E.REPAIR_STARTED, None),  # there is nothing to repair before the first failure
    (S.UNTRIED, E.REPAIR_FAILED, None),
    (S.UNTRIED, E.QUIET, None),  # silence proves nothing about a channel that was never tried
    (S.UNTRIED, E.QUIET_UNPROVEN, None),
    (S.HEALTHY, E.ROUND_TRIP, S.HEALTHY),
    (S.HEALTHY, E.PARKED, S.HEALTHY),
    (S.HEALTHY, E.FAILED, S.DEGRADED),
    (S.HEALTHY, E.FAILED_THREE_TIMES, None),
    (S.HEALTHY, E.REPAIR_STARTED, None),
    (S.HEALTHY, E.REPAIR_FAILED, None),
    (S.HEALTHY, E.QUIET, None),
    (S.HEALTHY, E.QUIET_UNPROVEN, None),
    (S.DEGRADED, E.ROUND_TRIP, S.HEALTHY),
    (S.DEGRADED, E.PARKED, S.UNTRIED),
    (S.DEGRADED, E.FAILED, S.DEGRADED),
    (S.DEGRADED, E.FAILED_THREE_TIMES, S.BROKEN),
    (S.DEGRADED, E.REPAIR_STARTED, None),  # two failures are not yet worth a repair
    (S.DEGRADED, E.REPAIR_FAILED, None),
    (S.DEGRADED, E.QUIET, S.HEALTHY),
    (S.DEGRADED, E.QUIET_UNPROVEN, S.UNTRIED),  # nothing has ever shown that it works
    (S.BROKEN, E.ROUND_TRIP, S.HEALTHY),
    (S.BROKEN, E.PARKED, S.UNTRIED),  # nothing stands against it any more, and nothing is proved
    (S.BROKEN, E.FAILED, S.BROKEN),
    (S.BROKEN, E.FAILED_THREE_TIMES, None),
    (S.BROKEN, E.REPAIR_STARTED, S.HEALING),
    (S.BROKEN, E.REPAIR_FAILED, None),
    (S.BROKEN, E.QUIET, None),  # it becomes due for a probe, not healthy
    (S.BROKEN, E.QUIET_UNPROVEN, None),
    (S.HEALING, E.ROUND_TRIP, S.HEALTHY),
    (S.HEALING, E.PARKED, S.UNTRIED),
    (S.HEALING, E.FAILED, S.HEALING),  # a probe failed while the repair was still at it
    (S.HEALING, E.FAILED_THREE_TIMES, None),
    (S.HEALING, E.REPAIR_STARTED, None),
    (S.HEALING, E.REPAIR_FAILED, S.BROKEN),
    (S.HEALING, E.QUIET, None),
    (S.HEALING, E.QUIET_UNPROVEN, None),
]


@pytest.mark.parametrize(("state", "event", "expected"), EXPECTED)
def test_every_event_in_every_state(state: ChannelState, event: ChannelEvent, expected: ChannelState | None) -> None:
    health = ChannelHealth(state)
    if expected is None:
        with pytest.raises(IllegalTransition, match=f"{event} while {state}"):
            advance(health, event, now=1)
    else:
        assert advance(health, event, now=1).state is expected


def test_the_rows_above_are_all_there_are() -> None:
    assert [row[:2] for row in EXPECTED] == [(state, event) for state in S for event in E]
    assert set(TRANSITIONS) == set(S)


def test_a_channel_starts_untried_and_is_worth_trying() -> None:
    assert ChannelHealth().state is S.UNTRIED
    assert ChannelHealth().worth_trying


@pytest.mark.parametrize(
    ("failures", "expected"),
    [(1, S.DEGRADED), (2, S.DEGRADED), (3, S.BROKEN), (9, S.BROKEN)],
)
@pytest.mark.parametrize("before", [[], [ROUND_TRIP]])
def test_three_failures_in_a_row_break_a_channel(
    before: list[ChannelEvent], failures: int, expected: ChannelState
) -> None:
    health = after(*before, *[FAILED] * failures)
    assert (health.state, health.failures) == (expected, failures)


def test_failures_with_a_round_trip_between_them_do_not_add_up() -> None:
    assert after(FAILED, FAILED, ROUND_TRIP, FAILED, FAILED).state is S.DEGRADED


def test_a_repair_that_ended_leaves_the_channel_broken_until_a_round_trip_proves_it() -> None:
    broken = after(FAILED, FAILED, FAILED, E.REPAIR_STARTED, E.REPAIR_FAILED)
    assert broken.state is S.BROKEN
    assert after(ROUND_TRIP, health=broken).state is S.HEALTHY


@pytest.mark.parametrize(
    ("state", "worth"),
    [(S.UNTRIED, True), (S.HEALTHY, True), (S.DEGRADED, True), (S.BROKEN, False), (S.HEALING, False)],
)
def test_only_what_is_not_known_to_be_broken_is_worth_trying(state: ChannelState, worth: bool) -> None:
    assert ChannelHealth(state).worth_trying is worth


def test_the_moment_of_a_change_is_kept_while_the_state_stays() -> None:
    health = advance(ChannelHealth(), FAILED, now=10, error="refused")
    again = advance(health, FAILED, now=20, error="no answer")
    assert (again.changed_at, again.failed_at, again.last_error) == (10, 20, "no answer")


def test_a_round_trip_is_noted_with_its_time_and_the_last_error_stays_readable() -> None:
    failed = advance(ChannelHealth(), FAILED, now=1, error="refused")
    health = advance(failed, ROUND_TRIP, now=2, round_trip=0.125)
    assert (health.last_ok, health.latencies, health.failures) == (2, (0.125,), 0)
    assert health.last_error == "refused"


def test_what_is_parked_ends_the_failures_and_is_no_round_trip() -> None:
    broken = after(FAILED, FAILED, FAILED)
    health = advance(broken, E.PARKED, now=9)
    assert (health.state, health.failures, health.last_parked, health.last_ok) == (S.UNTRIED, 0, 9, None)
    assert after(FAILED, FAILED, health=health).state is S.DEGRADED


def test_a_failure_without_words_keeps_the_last_ones() -> None:
    health = advance(ChannelHealth(last_error="refused"), FAILED, now=1)
    assert health.last_error == "refused"


def test_only_the_latest_round_trips_are_kept() -> None:
    health = ChannelHealth()
    for tick in range(100):
        health = advance(health, ROUND_TRIP, now=tick, round_trip=float(tick))
    assert health.latencies == tuple(float(tick) for tick in range(100 - LATENCIES_KEPT, 100))


@pytest.mark.parametrize(
    ("latencies", "p95"),
    [
        ((), None),
        ((0.2,), 0.2),
        ((0.3, 0.1), 0.3),
        (tuple(i / 100 for i in range(1, 21)), 0.19),  # the worst of twenty does not count
        (tuple(i / 100 for i in range(1, 33)), 0.31),
    ],
)
def test_p95_is_what_95_of_100_round_trips_stay_within(latencies: tuple[float, ...], p95: float | None) -> None:
    assert ChannelHealth(latencies=latencies).p95 == p95


@pytest.mark.parametrize(
    ("health", "now", "expected"),
    [
        (ChannelHealth(S.DEGRADED, 1, 100, last_ok=50, failed_at=100), 100 + QUIET_AFTER - 1, S.DEGRADED),
        (ChannelHealth(S.DEGRADED, 1, 100, last_ok=50, failed_at=100), 100 + QUIET_AFTER, S.HEALTHY),
        (ChannelHealth(S.DEGRADED, 2, 100, last_ok=50, failed_at=500), 100 + QUIET_AFTER, S.DEGRADED),
        (ChannelHealth(S.DEGRADED, 1, 100, last_ok=50), 100 + QUIET_AFTER, S.HEALTHY),
        (ChannelHealth(S.DEGRADED, 1, 100, failed_at=100), 100 + QUIET_AFTER, S.UNTRIED),
        (ChannelHealth(S.BROKEN, 3, 100, last_ok=50, failed_at=100), 10**9, S.BROKEN),
        (ChannelHealth(S.HEALING, 3, 100, last_ok=50, failed_at=100), 10**9, S.HEALING),
        (ChannelHealth(S.HEALTHY, 0, 100, last_ok=100), 10**9, S.HEALTHY),
        (ChannelHealth(), 10**9, S.UNTRIED),
    ],
)
def test_fifteen_quiet_minutes_clear_a_degraded_channel_and_nothing_else(
    health: ChannelHealth, now: float, expected: ChannelState
) -> None:
    settled = settle(health, now)
    assert settled.state is expected
    if expected is not health.state:
        assert (settled.failures, settled.changed_at) == (0, now)


@pytest.mark.parametrize(
    ("state", "failures", "wait"),
    [
        (S.DEGRADED, 1, 5),  # messages go by quicker ones meanwhile, and would never show that it works again
        (S.DEGRADED, 2, 5),
        *[(state, failures, wait) for state in (S.BROKEN, S.HEALING) for failures, wait in [(3, 5), (4, 10), (5, 20)]],
        (S.BROKEN, 6, 20),
        (S.HEALING, 10_000, 20),
    ],
)
def test_a_channel_that_failed_is_probed_less_and_less_often(state: ChannelState, failures: int, wait: float) -> None:
    health = ChannelHealth(state, failures, changed_at=0, failed_at=1000)
    assert probe_at(health) == 1000 + wait
    assert not probe_due(health, 1000 + wait - 0.1)
    assert probe_due(health, 1000 + wait)


@pytest.mark.parametrize("state", [S.UNTRIED, S.HEALTHY])
def test_a_channel_against_which_nothing_stands_needs_no_probe(state: ChannelState) -> None:
    health = ChannelHealth(state, failed_at=0)
    assert probe_at(health) is None
    assert not probe_due(health, 10**9)


def test_a_broken_channel_is_due_at_once_after_the_clock_was_set_back() -> None:
    assert probe_due(ChannelHealth(S.BROKEN, 3, changed_at=1000, failed_at=1000), now=400)


def test_a_broken_channel_read_from_a_store_without_the_last_failure_is_probed_from_its_change() -> None:
    assert probe_at(ChannelHealth(S.BROKEN, 3, changed_at=1000)) == 1005


def test_a_failed_probe_moves_the_next_one_away() -> None:
    broken = after(FAILED, FAILED, FAILED)
    assert probe_at(broken) == 3 + 5
    assert probe_at(advance(broken, FAILED, now=8)) == 8 + 10


def test_a_repair_does_not_start_the_probing_over() -> None:
    broken = after(*[FAILED] * 6)
    healing = advance(broken, E.REPAIR_STARTED, now=7)
    assert healing.failures == 6
    assert probe_at(healing) == probe_at(broken)


def test_the_diagram_has_every_change_of_state_and_no_other_line() -> None:
    lines = mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> untried"]
    changes = {
        f"    {before} --> {then}: {event}"
        for before, event, then in EXPECTED
        if then is not None and then is not before
    }
    assert set(lines[2:]) == changes
    assert len(lines) == 2 + len(changes)


happens = st.sampled_from([E.ROUND_TRIP, E.PARKED, E.FAILED, E.REPAIR_STARTED, E.REPAIR_FAILED])


@given(st.lists(st.tuples(happens, st.floats(0, 2 * QUIET_AFTER)), max_size=60))
def test_whatever_happens_the_states_mean_what_they_say(events: list[tuple[ChannelEvent, float]]) -> None:
    health, now = ChannelHealth(), 1000.0
    for event, later in events:
        now += later
        health = settle(health, now)
        if event in TRANSITIONS[health.state]:
            health = advance(health, event, now)
        assert (health.state in (S.BROKEN, S.HEALING)) == (health.failures >= FAILURES_TO_BREAK)
        assert (health.state is S.DEGRADED) == (0 < health.failures < FAILURES_TO_BREAK)
        if health.state is S.HEALTHY:
            assert health.last_ok is not None, "never proven"
        if (at := probe_at(health)) is not None:
            assert at <= now + PROBE_CAP
        assert advance(health, E.ROUND_TRIP, now).state is S.HEALTHY


def test_of_what_a_server_says_in_a_megabyte_the_beginning_is_kept() -> None:
    health = advance(ChannelHealth(), ChannelEvent.FAILED, 1.0, error="no " * 1_000_000)
    assert health.last_error == ("no " * 1_000_000)[:ERROR_LIMIT]
