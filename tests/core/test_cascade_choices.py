"""How a cascade is told to go: with a hedge or without, past silent channels, in the user's own order."""

import pytest

from multifleet.core.cascade import (
    Cascade,
    OutcomeKind,
    Start,
    Wait,
)
from multifleet.core.channel_state import ChannelHealth, ChannelState
from multifleet.core.receipts import State
from multifleet.core.routing import CHANNELS, route
from tests.core.cascade_world import (
    GIT,
    HTTP,
    NATS,
    PARKED,
    QUICK,
    RACE,
    RELAY,
    SEED,
    SILENT,
    SSH,
    STORED,
    Ends,
    play,
    played,
)


def test_a_backlog_is_never_hedged() -> None:
    world = {"nats": SILENT, "http": Ends(0, STORED)}
    cascade, happened = played(RACE, world, {"nats": QUICK}, hedge_allowed=True, backlog=True)
    assert happened.starts[:2] == [(0, "nats"), (0.8, "http")]
    assert not cascade.hedged


@pytest.mark.parametrize(("answers_after", "hedged"), [(0.02, False), (0.06, True)], ids=["in time", "too late"])
def test_a_cascade_says_whether_the_hedge_was_made(answers_after: float, hedged: bool) -> None:
    world = {"nats": Ends(answers_after, STORED), "http": Ends(1, STORED)}
    cascade, _ = played(RACE, world, {"nats": QUICK}, hedge_allowed=True)
    assert cascade.hedged is hedged


def test_a_failure_that_starts_the_next_channel_costs_no_hedge() -> None:
    world = {"nats": Ends(0.01), "http": Ends(0.01, STORED)}
    cascade, _ = played(RACE, world, {"nats": QUICK}, hedge_allowed=True)
    assert not cascade.hedged


def test_attempts_get_the_channel_s_time_or_what_is_left() -> None:
    _, happened = played((NATS, HTTP, SSH), {"nats": Ends(2)}, deadline=6)
    assert [(a.channel, a.timeout) for a in happened.attempts] == [("nats", 3), ("http", 5), ("ssh", 4.95)]


def test_nobody_waits_again_for_a_channel_that_is_silent_already() -> None:
    cascade = Cascade(RACE, {}, 60, silent={"nats"})
    happened = play(cascade, {"http": Ends(0.01, STORED)}, RACE)
    assert happened.starts == [(0, "http")]


def test_a_silent_channel_comes_before_all_dear_ones() -> None:
    route = (NATS, HTTP, SSH, GIT)
    cascade = Cascade(route, {}, 60, silent={"http"})
    happened = play(cascade, {"http": Ends(0.1, STORED)}, route)
    assert happened.starts == [(0, "nats"), (0.8, "http"), (0.8, "ssh")]
    assert happened.done_at == pytest.approx(0.9)


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
    assert happened.starts == [(0, "nats"), (0, "http"), (0, "relay"), (1.05, "seed"), (1.05, "ssh")]
    assert cascade.verdict.channel == "ssh"


def test_the_order_that_the_user_has_set_is_kept_whatever_is_quicker() -> None:
    cascade = Cascade(RACE, {"http": QUICK}, 60, by_speed=False)
    assert play(cascade, {"nats": Ends(0.1, STORED)}, RACE).starts == [(0, "nats")]


def test_attempts_are_numbered_on_from_the_number_given() -> None:
    cascade = Cascade(RACE, {}, 60, first_number=7)
    happened = play(cascade, {}, RACE)
    assert [attempt.number for attempt in happened.attempts] == [7, 8, 9]


def test_an_attempt_that_is_running_is_waited_for_until_the_deadline() -> None:
    cascade = Cascade((HTTP,), {}, deadline=30)
    assert isinstance(cascade.next(0), Start)
    assert cascade.next(0) == Wait(30)
    assert cascade.running == ("http",)


def test_the_routes_in_use_reach_a_peer_by_http() -> None:
    used = route("task", {"http"})
    cascade, happened = played(used, {"http": Ends(0.01, STORED)})
    assert happened.starts == [(0, "http")]
    assert cascade.verdict.state is State.STORED
    assert CHANNELS["http"].timeout == 5


def test_what_lies_at_a_relay_is_tried_once_by_the_kept_channels_that_the_recipient_itself_may_answer() -> None:
    route = (NATS, RELAY, SEED, SSH, GIT)
    cascade, happened = played(route, {"nats": Ends(0.1), "relay": Ends(0.1, PARKED)})
    assert "ssh" not in [name for _, name in happened.starts]
    assert [attempt.channel for attempt in cascade.beside_parked(1.0)] == ["ssh"]
    assert cascade.beside_parked(1.0) == (), "once"
    assert cascade.verdict.state is State.SENT


@pytest.mark.parametrize(
    ("health", "ends"),
    [({}, STORED), ({"ssh": ChannelHealth(ChannelState.BROKEN, 3)}, PARKED)],
    ids=["it is stored", "SSH is broken"],
)
def test_nothing_else_is_tried_beside_it(health: dict[str, ChannelHealth], ends: OutcomeKind) -> None:
    cascade, _ = played((RELAY, SSH), {"relay": Ends(0.1, ends)}, health)
    assert cascade.beside_parked(1.0) == ()
