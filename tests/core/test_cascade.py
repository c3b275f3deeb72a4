"""The cascade, played through in a world of channels that take a known time and end in a known way."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.cascade import (
    KEPT_AFTER,
    Cascade,
    Done,
    Outcome,
    OutcomeKind,
    Start,
    Verdict,
    Wait,
)
from multifleet.core.channel_state import ChannelHealth, ChannelState
from multifleet.core.receipts import State
from multifleet.core.routing import CHANNELS, ChannelFacts, Tier, route
from tests.core.cascade_world import (
    ALL,
    FAILED,
    GIT,
    HTTP,
    NATS,
    NUDGED,
    PARKED,
    REFUSED,
    RELAY,
    SEED,
    SILENT,
    SSH,
    STORED,
    TEXT,
    WAKE,
    Ends,
    Play,
    play,
)

BROKEN = ChannelHealth(ChannelState.BROKEN, 3)
HEALING = ChannelHealth(ChannelState.HEALING, 3)
QUICK = ChannelHealth(ChannelState.HEALTHY, latencies=(0.01,))
SLOW = ChannelHealth(ChannelState.HEALTHY, latencies=(0.2,))
RACE = (NATS, HTTP, RELAY)


def played(
    route: Sequence[ChannelFacts],
    world: dict[str, Ends],
    health: dict[str, ChannelHealth] | None = None,
    *,
    deadline: float = 120,
    backlog: bool = False,
    hedge_allowed: bool = False,
) -> tuple[Cascade, Play]:
    cascade = Cascade(route, health or {}, deadline, backlog=backlog, hedge_allowed=hedge_allowed)
    return cascade, play(cascade, world, route)


# Name, route, what the channels do, their health, may it hedge; then the starts and the winning channel.
CASES: list[
    tuple[
        str,
        Sequence[ChannelFacts],
        dict[str, Ends],
        dict[str, ChannelHealth],
        bool,
        list[tuple[float, str]],
        str | None,
    ]
] = [
    (
        "the best channel is tried alone and its success ends it",
        ALL,
        {"nats": Ends(0.02, STORED)},
        {},
        True,
        [(0, "nats")],
        "nats",
    ),
    (
        "a failure starts the next raced channel at once",
        RACE,
        {"nats": Ends(0.01), "http": Ends(0.02), "relay": Ends(0.02, PARKED)},
        {},
        False,
        [(0, "nats"), (0.01, "http"), (0.03, "relay")],
        "relay",
    ),
    (
        "a channel silent for twice its p95 is hedged",
        RACE,
        {"nats": SILENT, "http": Ends(0.02, STORED)},
        {"nats": SLOW},
        True,
        [(0, "nats"), (0.4, "http")],
        "http",
    ),
    (
        "a quick channel is hedged after 50 ms and not before",
        RACE,
        {"nats": SILENT, "http": Ends(0.02, STORED)},
        {"nats": QUICK},
        True,
        [(0, "nats"), (0.05, "http")],
        "http",
    ),
    (
        "a channel without a history is hedged after a quarter of a second",
        RACE,
        {"nats": SILENT, "http": Ends(0.02, STORED)},
        {},
        True,
        [(0, "nats"), (0.25, "http")],
        "http",
    ),
    (
        "a channel that is always slow is hedged after a second",
        (NATS, HTTP, SEED),
        {"nats": SILENT, "http": SILENT, "seed": Ends(0, PARKED)},
        {"nats": ChannelHealth(ChannelState.HEALTHY, latencies=(2.5,))},
        True,
        [(0, "nats"), (1, "http"), (1.25, "seed")],
        "seed",
    ),
    (
        "one hedge is made, not two",
        RACE,
        {"nats": SILENT, "http": SILENT, "relay": Ends(0, PARKED)},
        {"nats": QUICK, "http": QUICK},
        True,
        [(0, "nats"), (0.05, "http"), (1, "relay")],
        "relay",
    ),
    (
        "without a hedge the other raced channels wait for a second of silence, and then all start",
        RACE,
        {"nats": SILENT, "http": SILENT, "relay": Ends(0.02, PARKED)},
        {"nats": QUICK},
        False,
        [(0, "nats"), (1, "http"), (1, "relay")],
        "relay",
    ),
    (
        "a broken channel is skipped",
        RACE,
        {"http": Ends(0, STORED)},
        {"nats": BROKEN},
        False,
        [(0, "http")],
        "http",
    ),
    (
        "a channel under repair is skipped",
        RACE,
        {"http": Ends(0, STORED)},
        {"nats": HEALING},
        False,
        [(0, "http")],
        "http",
    ),
    (
        "a degraded channel is still tried first",
        RACE,
        {"nats": Ends(0, STORED)},
        {"nats": ChannelHealth(ChannelState.DEGRADED, 2)},
        False,
        [(0, "nats")],
        "nats",
    ),
    (
        "kept channels start after a second of silence from the raced one",
        (HTTP, SEED, SSH),
        {"http": SILENT, "seed": SILENT, "ssh": Ends(0.5, STORED)},
        {},
        False,
        [(0, "http"), (1, "seed"), (1, "ssh")],
        "ssh",
    ),
    (
        "kept channels wait a little longer where there are several raced ones",
        (NATS, HTTP, SEED),
        {"nats": SILENT, "http": SILENT, "seed": Ends(0.001, PARKED)},
        {"nats": QUICK},
        True,
        [(0, "nats"), (0.05, "http"), (1.25, "seed")],
        "seed",
    ),
    (
        "kept channels start at once when all raced ones have failed",
        (NATS, HTTP, SEED),
        {"nats": Ends(0.01), "http": Ends(0.01), "seed": Ends(0, PARKED)},
        {},
        False,
        [(0, "nats"), (0.01, "http"), (0.02, "seed")],
        "seed",
    ),
    (
        "kept channels start at once when all raced ones are broken",
        (NATS, HTTP, SEED, SSH),
        {"seed": SILENT, "ssh": Ends(0.5, STORED)},
        {"nats": BROKEN, "http": BROKEN},
        False,
        [(0, "seed"), (0, "ssh")],
        "ssh",
    ),
    (
        "the quickest of the raced channels starts, and one of unknown speed behind it",
        RACE,
        {"http": Ends(0.01), "nats": Ends(0.01), "relay": Ends(0.01, PARKED)},
        {"nats": SLOW, "http": QUICK},
        False,
        [(0, "http"), (0.01, "nats"), (0.02, "relay")],
        "relay",
    ),
    (
        "the last ones wait until everything above has failed, and go one by one",
        (HTTP, SSH, GIT, TEXT),
        {"http": SILENT, "ssh": Ends(2), "git": Ends(1), "text": Ends(0, NUDGED)},
        {},
        False,
        [(0, "http"), (1, "ssh"), (5, "git"), (6, "text")],
        "text",
    ),
    (
        "after a nudge a place to park is still looked for, another nudge is not",
        (HTTP, WAKE, TEXT, GIT),
        {"http": Ends(0), "wake": Ends(1, NUDGED), "git": Ends(2, PARKED)},
        {},
        False,
        [(0, "http"), (0, "wake"), (1, "git")],
        "git",
    ),
    (
        "a nudge counts when nothing else can be had",
        (HTTP, WAKE, GIT),
        {"http": Ends(0), "wake": Ends(1, NUDGED), "git": Ends(2)},
        {},
        False,
        [(0, "http"), (0, "wake"), (1, "git")],
        "wake",
    ),
    (
        "the only channel is tried though it is broken",
        (HTTP,),
        {"http": Ends(0, STORED)},
        {"http": BROKEN},
        False,
        [(0, "http")],
        "http",
    ),
    (
        "when nothing else is left the broken channels are tried, one after the other",
        (NATS, HTTP, RELAY, GIT),
        {"nats": Ends(1), "relay": Ends(1), "git": Ends(1), "http": Ends(1, STORED)},
        {"nats": BROKEN, "http": BROKEN},
        False,
        [(0, "relay"), (1, "git"), (2, "nats"), (3, "http")],
        "http",
    ),
    (
        "a signed refusal ends it, as every other channel leads to the same peer",
        (NATS, HTTP, SSH, GIT),
        {"nats": Ends(0.1, REFUSED)},
        {},
        False,
        [(0, "nats")],
        "nats",
    ),
    ("without a channel nothing is started", (), {}, {}, False, [], None),
]


@pytest.mark.parametrize(
    ("route", "world", "health", "hedge_allowed", "starts", "channel"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_what_starts_when(
    route: Sequence[ChannelFacts],
    world: dict[str, Ends],
    health: dict[str, ChannelHealth],
    hedge_allowed: bool,
    starts: list[tuple[float, str]],
    channel: str | None,
) -> None:
    cascade, happened = played(route, world, health, hedge_allowed=hedge_allowed)
    assert [name for _, name in happened.starts] == [name for _, name in starts]
    assert [at for at, _ in happened.starts] == pytest.approx([at for at, _ in starts])
    assert cascade.verdict.channel == channel


def test_a_backlog_is_never_hedged() -> None:
    world = {"nats": SILENT, "http": Ends(0, STORED)}
    cascade, happened = played(RACE, world, {"nats": QUICK}, hedge_allowed=True, backlog=True)
    assert happened.starts[:2] == [(0, "nats"), (1, "http")]
    assert not cascade.hedged


@pytest.mark.parametrize(
    ("answers_after", "hedged"), [(0.02, False), (0.06, True)], ids=["in time", "too late"]
)
def test_a_cascade_says_whether_the_hedge_was_made(answers_after: float, hedged: bool) -> None:
    world = {"nats": Ends(answers_after, STORED), "http": Ends(1, STORED)}
    cascade, _ = played(RACE, world, {"nats": QUICK}, hedge_allowed=True)
    assert cascade.hedged is hedged


def test_a_failure_that_starts_the_next_channel_costs_no_hedge() -> None:
    world = {"nats": Ends(0.01), "http": Ends(0.01, STORED)}
    cascade, _ = played(RACE, world, {"nats": QUICK}, hedge_allowed=True)
    assert not cascade.hedged


def test_a_loser_runs_on_and_its_outcome_is_taken_as_late() -> None:
    world = {"nats": Ends(2, STORED), "http": Ends(0.1, STORED)}
    cascade, happened = played(RACE, world, {"nats": QUICK}, hedge_allowed=True)
    assert happened.done_at == pytest.approx(0.15)
    assert happened.ended == {"http": pytest.approx(0.15), "nats": 2}
    assert [outcome.attempt.channel for outcome in cascade.late] == ["nats"]
    assert cascade.verdict.channel == "http"


def test_a_late_word_that_is_better_betters_the_verdict() -> None:
    world = {"http": Ends(4, STORED), "seed": Ends(0.001, PARKED)}
    cascade, happened = played((HTTP, SEED), world)
    assert happened.done_at == pytest.approx(1.001)
    assert (cascade.verdict.state, cascade.verdict.channel) == (State.STORED, "http")


def test_attempts_get_the_channel_s_time_or_what_is_left() -> None:
    _, happened = played((NATS, HTTP, SSH), {"nats": Ends(2)}, deadline=6)
    assert [(a.channel, a.timeout) for a in happened.attempts] == [("nats", 3), ("http", 5), ("ssh", 4.75)]


def test_nobody_waits_again_for_a_channel_that_is_silent_already() -> None:
    cascade = Cascade(RACE, {}, 60, silent={"nats"})
    happened = play(cascade, {"http": Ends(0.01, STORED)}, RACE)
    assert happened.starts == [(0, "http")]


def test_a_silent_channel_comes_before_all_dear_ones() -> None:
    route = (NATS, HTTP, SSH, GIT)
    cascade = Cascade(route, {}, 60, silent={"http"})
    happened = play(cascade, {"http": Ends(0.1, STORED)}, route)
    assert happened.starts == [(0, "nats"), (1, "http"), (1, "ssh")]
    assert happened.done_at == pytest.approx(1.1)


def test_less_patience_is_had_with_a_channel_that_has_just_failed() -> None:
    route, failed = (HTTP, SSH), ChannelHealth(ChannelState.DEGRADED, 1)
    happened = play(Cascade(route, {"http": failed}, 60), {"ssh": Ends(0.1, STORED)}, route)
    assert happened.starts == [(0, "http"), (0.25, "ssh")]


def test_a_silent_channel_is_tried_when_nothing_else_is_left() -> None:
    cascade = Cascade((HTTP,), {}, 60, silent={"http"})
    assert play(cascade, {"http": Ends(0.01, STORED)}, (HTTP,)).starts == [(0, "http")]


def test_what_must_be_confirmed_starts_on_all_raced_channels_and_goes_on_when_it_is_parked() -> None:
    cascade = Cascade((NATS, HTTP, RELAY, SEED, SSH), {}, 60, until_confirmed=True)
    world = {"nats": SILENT, "http": SILENT, "relay": Ends(0.1, PARKED), "ssh": Ends(0.5, STORED)}
    happened = play(cascade, world, (NATS, HTTP, RELAY, SEED, SSH))
    assert happened.starts == [(0, "nats"), (0, "http"), (0, "relay"), (1.25, "seed"), (1.25, "ssh")]
    assert cascade.verdict.channel == "ssh"


def test_the_order_that_the_user_has_set_is_kept_whatever_is_quicker() -> None:
    cascade = Cascade(RACE, {"http": QUICK}, 60, by_speed=False)
    assert play(cascade, {"nats": Ends(0.1, STORED)}, RACE).starts == [(0, "nats")]


def test_attempts_are_numbered_on_from_the_number_given() -> None:
    cascade = Cascade(RACE, {}, 60, first_number=7)
    happened = play(cascade, {}, RACE)
    assert [attempt.number for attempt in happened.attempts] == [7, 8, 9]


def test_nothing_starts_once_the_deadline_has_come() -> None:
    cascade = Cascade(RACE, {}, deadline=30)
    assert cascade.next(30) == Done()
    assert cascade.verdict == Verdict(None, None, "no time left", False)


def test_an_attempt_that_is_running_is_waited_for_until_the_deadline() -> None:
    cascade = Cascade((HTTP,), {}, deadline=30)
    assert isinstance(cascade.next(0), Start)
    assert cascade.next(0) == Wait(30)
    assert cascade.running == ("http",)


STATES = [
    (STORED, State.STORED, False),
    (PARKED, State.SENT, False),
    (NUDGED, State.SENT, False),
    (REFUSED, None, True),
    (FAILED, None, False),
]


@pytest.mark.parametrize(("kind", "state", "refused"), STATES)
def test_the_verdict_says_what_the_channel_knew(
    kind: OutcomeKind, state: State | None, refused: bool
) -> None:
    cascade, _ = played((HTTP,), {"http": Ends(0, kind)})
    assert (cascade.verdict.state, cascade.verdict.refused_by_peer) == (state, refused)


def test_every_kind_of_outcome_has_its_row_above() -> None:
    assert {row[0] for row in STATES} == set(OutcomeKind)


def test_the_verdict_says_where_the_frame_lies() -> None:
    cascade, _ = played((SEED,), {"seed": Ends(0, PARKED)})
    assert cascade.verdict == Verdict(State.SENT, "seed", None, False, where="drop/1")


def test_the_verdict_on_a_refusal_gives_the_peer_s_reason() -> None:
    cascade, _ = played((HTTP,), {"http": Ends(0, REFUSED)})
    assert cascade.verdict == Verdict(None, "http", "inbox full", False, refused_by_peer=True)


def test_the_verdict_on_failure_gives_every_channel_s_reason() -> None:
    cascade, _ = played((NATS, HTTP), {"nats": Ends(0)})
    assert cascade.verdict == Verdict(None, None, "nats: no route; http: no answer in 5 s", True)


def test_without_a_channel_the_verdict_says_so() -> None:
    cascade, _ = played((), {})
    assert cascade.verdict == Verdict(None, None, "no channel to this peer", False)


@pytest.mark.parametrize(
    ("ends", "unknown"),
    [(Ends(0), False), (Ends(0, FAILED, unknown=True), True), (SILENT, True)],
    ids=["refused connection", "answer lost", "silence"],
)
def test_an_attempt_that_may_have_arrived_leaves_the_outcome_unknown(ends: Ends, unknown: bool) -> None:
    cascade, _ = played((HTTP,), {"http": ends})
    assert cascade.verdict.unknown_outcome is unknown


def test_an_attempt_that_still_runs_leaves_the_outcome_unknown() -> None:
    cascade = Cascade((HTTP,), {}, deadline=5)
    cascade.next(0)
    assert cascade.next(5) == Done()
    assert cascade.verdict == Verdict(None, None, "http: no answer in time", True)


def test_an_outcome_is_recorded_once_and_only_for_what_was_started() -> None:
    cascade = Cascade((HTTP,), {}, deadline=30)
    step = cascade.next(0)
    assert isinstance(step, Start)
    cascade.record(Outcome(step.attempt, FAILED, "no route"), 1)
    with pytest.raises(ValueError, match="no attempt on http is running"):
        cascade.record(Outcome(step.attempt, STORED), 2)


def test_the_routes_in_use_reach_a_peer_by_http() -> None:
    used = route("task", {"http"})
    cascade, happened = played(used, {"http": Ends(0.01, STORED)})
    assert happened.starts == [(0, "http")]
    assert cascade.verdict.state is State.STORED
    assert CHANNELS["http"].timeout == 5


ends = st.builds(Ends, st.none() | st.floats(0, 20), st.sampled_from(list(OutcomeKind)), st.booleans())
health = st.builds(
    ChannelHealth,
    st.sampled_from(list(ChannelState)),
    latencies=st.lists(st.floats(0, 3), max_size=3).map(tuple),
)
names = [facts.name for facts in ALL]


@given(
    route=st.lists(st.sampled_from(ALL), unique=True),
    world=st.fixed_dictionaries({name: ends for name in names}),
    health=st.dictionaries(st.sampled_from(names), health),
    start=st.floats(-100, 100),
    budget=st.floats(0, 60),
    backlog=st.booleans(),
    hedge_allowed=st.booleans(),
)
def test_whatever_happens_the_rules_hold(
    route: list[ChannelFacts],
    world: dict[str, Ends],
    health: dict[str, ChannelHealth],
    start: float,
    budget: float,
    backlog: bool,
    hedge_allowed: bool,
) -> None:
    deadline = start + budget
    cascade = Cascade(route, health, deadline, backlog=backlog, hedge_allowed=hedge_allowed)
    happened = play(cascade, world, route, start)
    started = [name for _, name in happened.starts]
    by_name = {facts.name: facts for facts in route}

    assert len(set(started)) == len(started), "no channel is started twice"
    assert set(started) <= set(by_name), "nothing outside the route is started"
    assert all(at < deadline for at, _ in happened.starts), "nothing is started after the deadline"
    for (at, name), attempt in zip(happened.starts, happened.attempts, strict=True):
        assert 0 < attempt.timeout <= by_name[name].timeout
        assert at + attempt.timeout <= deadline + 1e-9, "nothing runs past the deadline"

    assert start <= happened.done_at <= deadline, "it ends in time"
    assert cascade.next(deadline) == Done(), "and stays ended"
    assert not cascade.running

    may_hedge = hedge_allowed and not backlog
    raced = [(at, name) for at, name in happened.starts if by_name[name].tier is Tier.RACED]
    early = [at for at, _ in raced if at < raced[0][0] + KEPT_AFTER - 1e-9]
    for at in early:
        running = sum(began <= at < happened.ended.get(name, deadline) for began, name in raced)
        assert running <= (2 if may_hedge else 1), "for a second one runs, and one hedge"
    assert may_hedge or not cascade.hedged

    skipped = [f.name for f in route if not health.get(f.name, ChannelHealth()).worth_trying]
    if skipped and started and started[-1] in skipped:
        above = [name for name in by_name if name not in skipped and not by_name[name].only_nudges]
        assert set(above) <= set(started), "and only when nothing else is left"
    if deadline > start and route:
        assert started, "a peer with a channel is tried"

    good = {o.kind for o in cascade.outcomes} & {STORED, PARKED, NUDGED}
    assert (cascade.verdict.state is not None) == bool(good)
    assert (cascade.verdict.state is State.STORED) == (STORED in good)
