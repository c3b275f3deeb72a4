"""What a cascade says at its end: where the frame is, who refused it, and what may have arrived all the same."""

import pytest

from multifleet.core.cascade import (
    Cascade,
    Done,
    Outcome,
    OutcomeKind,
    Start,
    Verdict,
)
from multifleet.core.receipts import State
from tests.core.cascade_world import (
    FAILED,
    HTTP,
    NATS,
    NUDGED,
    PARKED,
    QUICK,
    RACE,
    REFUSED,
    SEED,
    SILENT,
    STORED,
    Ends,
    played,
)


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
    assert happened.done_at == pytest.approx(0.801)
    assert (cascade.verdict.state, cascade.verdict.channel) == (State.STORED, "http")


def test_nothing_starts_once_the_deadline_has_come() -> None:
    cascade = Cascade(RACE, {}, deadline=30)
    assert cascade.next(30) == Done()
    assert cascade.verdict == Verdict(None, None, "no time left", False)


STATES = [
    (STORED, State.STORED, False),
    (PARKED, State.SENT, False),
    (NUDGED, State.SENT, False),
    (REFUSED, None, True),
    (FAILED, None, False),
]


@pytest.mark.parametrize(("kind", "state", "refused"), STATES)
def test_the_verdict_says_what_the_channel_knew(kind: OutcomeKind, state: State | None, refused: bool) -> None:
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
