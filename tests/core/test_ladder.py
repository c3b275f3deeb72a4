"""The repair ladder: its rungs, its limits, and that no storm can come of it."""

from collections import Counter
from dataclasses import replace
from math import inf

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from multifleet.core.channel_state import ChannelHealth, ChannelState
from multifleet.core.ladder import (
    ESCALATIONS,
    ESCALATIONS_WITHIN,
    INSISTED,
    LADDER,
    Case,
    Escalation,
    Ladders,
    Level,
    Step,
    at_their_server,
    is_reachable,
    should_begin,
)

L1, L2, L3, L4 = Level
THERE = lambda peer: True  # noqa: E731
AWAY = lambda peer: False  # noqa: E731


def begun(*channels: str, at: float = 0.0, peer: str = "mac2") -> Ladders:
    ladders = Ladders()
    for channel in channels:
        assert ladders.begin(peer, channel, "no answer", at) is not None
    return ladders


def climb(ladders: Ladders, now: float, *, taken_up: bool = True) -> Step:
    (step,) = ladders.next(now, THERE)
    ladders.done(step, "tried", now, taken_up=taken_up)
    return step


def test_the_rungs_follow_each_other_with_the_waits_of_the_table() -> None:
    ladders = begun("http")
    assert climb(ladders, 0.0).level is L2
    assert ladders.next(119.9, THERE) == [] and ladders.wake_at(1.0) == 120.0
    assert climb(ladders, 120.0).level is L3
    assert ladders.next(899.9, THERE) == []
    assert climb(ladders, 900.0).level is L4
    assert ladders.next(1e9, THERE) == [] and ladders.wake_at(1e9) == inf


def test_nobody_is_waited_for_who_did_not_take_it_up_but_the_human_has_the_quarter_of_an_hour() -> None:
    ladders = begun("http")
    assert climb(ladders, 0.0, taken_up=False).level is L2
    assert climb(ladders, 0.0, taken_up=False).level is L3
    assert ladders.next(899.0, THERE) == []
    assert climb(ladders, 900.0).level is L4


def test_the_channels_of_one_peer_are_one_escalation() -> None:
    ladders = begun("http", "nats")
    assert climb(ladders, 0.0).channels == ("http", "nats")
    assert climb(ladders, 120.0).channels == ("http", "nats")
    assert ladders.left("mac2", 120.0) == ESCALATIONS - 2


def test_a_step_is_not_begun_while_another_one_for_the_peer_is_under_way() -> None:
    ladders = begun("http")
    (step,) = ladders.next(0.0, THERE)
    ladders.begin("mac2", "nats", "no answer", 1.0)
    assert ladders.next(1e6, THERE) == []
    assert ladders.climb("mac2", ["nats"], L3, 2.0) is None
    ladders.done(step, "told", 3.0, taken_up=True)
    assert climb(ladders, 3.0).channels == ("nats",)


def test_what_proved_itself_while_a_step_ran_stays_closed() -> None:
    ladders = begun("http")
    (step,) = ladders.next(0.0, THERE)
    ladders.close("mac2", "http")
    assert ladders.done(step, "told", 1.0, taken_up=True) == [] and not ladders.cases


def test_a_new_case_of_the_same_channel_is_not_moved_by_an_older_step() -> None:
    ladders = begun("http")
    (step,) = ladders.next(0.0, THERE)
    ladders.close("mac2", "http")
    ladders.begin("mac2", "http", "again", 1.0)
    assert ladders.done(step, "told", 2.0, taken_up=True) == []
    assert ladders.of("mac2", "http") == Case("mac2", "http", "again", 1.0, at=1.0)


def test_the_fourth_escalation_within_the_hour_is_refused_and_has_its_turn_later() -> None:
    ladders = Ladders()
    for number in range(ESCALATIONS):
        ladders.begin("mac2", "http", "no answer", number * 10.0)
        assert climb(ladders, number * 10.0).level is L2
        ladders.close("mac2", "http")
    case = ladders.begin("mac2", "http", "no answer", 40.0)
    assert case is not None and ladders.next(40.0, THERE) == []
    assert ladders.is_refused(case, 40.0)
    assert ladders.wake_at(40.0) == ladders.free_at("mac2", 40.0) == ESCALATIONS_WITHIN
    assert ladders.climb("mac2", ["http"], L3, 50.0) is None  # by hand neither
    assert climb(ladders, ESCALATIONS_WITHIN).level is L2


def test_a_step_that_reached_nobody_is_none_of_the_three_and_the_ladder_goes_on() -> None:
    ladders = begun("http")
    for level in (L2, L3):
        (step,) = ladders.next(0.0, THERE)
        assert step.level is level and ladders.left("mac2", 0.0) == ESCALATIONS - 1
        ladders.done(step, "could not be told", 0.0, taken_up=False, reached=False)
        assert ladders.left("mac2", 0.0) == ESCALATIONS and ladders.escalations("mac2", 0.0) == []
    assert climb(ladders, 900.0).level is L4


def test_a_person_may_insist_on_three_more_and_on_no_more_than_that() -> None:
    ladders = Ladders(escalations=[Escalation("mac2", L2, float(at)) for at in range(ESCALATIONS)])
    ladders.begin("mac2", "http", "no answer", 10.0)
    for _ in range(INSISTED - ESCALATIONS):
        assert ladders.climb("mac2", ["http"], L3, 20.0) is None
        step = ladders.climb("mac2", ["http"], L3, 20.0, INSISTED)
        assert step is not None and ladders.is_mending("mac2")
        ladders.done(step, "restarted", 20.0, taken_up=True)
    assert ladders.climb("mac2", ["http"], L3, 30.0, INSISTED) is None
    assert ladders.free_at("mac2", 30.0, INSISTED) == ESCALATIONS_WITHIN
    assert ladders.free_at("mac2", 30.0) == 20.0 + ESCALATIONS_WITHIN


def test_the_limit_is_of_one_peer() -> None:
    ladders = Ladders(escalations=[Escalation("mac2", L2, 0.0)] * ESCALATIONS)
    ladders.begin("mac3", "http", "no answer", 1.0)
    assert climb(ladders, 1.0).peer == "mac3"


def test_a_person_is_told_even_when_no_escalation_is_left() -> None:
    at_l3 = Case("mac2", "http", "no answer", 0.0, L3, 100.0)
    ladders = Ladders([at_l3], [Escalation("mac2", L3, 890.0)] * ESCALATIONS)
    assert climb(ladders, 900.0).level is L4


def test_a_restart_resumes_on_the_rung_where_it_was() -> None:
    case = Case("mac2", "http", "no answer", 0.0, L2, 5.0, "told", taken_up=True)
    ladders = Ladders([case], [Escalation("mac2", L2, 5.0)])
    assert ladders.next(100.0, THERE) == []
    assert climb(ladders, 125.0).level is L3
    assert ladders.left("mac2", 125.0) == 1


def test_nothing_is_done_about_who_is_not_there_by_anything() -> None:
    ladders = begun("http")
    assert ladders.next(1e6, AWAY) == []
    assert climb(ladders, 1e6).level is L2


def test_by_hand_a_rung_is_climbed_at_once_and_counts() -> None:
    ladders = begun("http")
    step = ladders.climb("mac2", ["http"], L3, 1.0)
    assert step is not None and ladders.left("mac2", 1.0) == ESCALATIONS - 1
    (case,) = ladders.done(step, "restarted", 2.0, taken_up=True)
    assert (case.level, case.at) == (L3, 2.0)


def test_a_peer_that_is_no_member_has_no_cases_and_its_escalations_still_count() -> None:
    ladders = begun("http", "nats")
    climb(ladders, 0.0)
    assert len(ladders.forget("mac2")) == 2
    assert not ladders.cases and ladders.left("mac2", 1.0) == ESCALATIONS - 1


GOOD = ChannelHealth(ChannelState.HEALTHY, last_ok=1_000.0)
BROKEN = ChannelHealth(ChannelState.BROKEN, failures=3, changed_at=1_000.0, last_ok=900.0, last_error="timed out")


@pytest.mark.parametrize(
    ("health", "is_there", "found"),
    [
        ({"http": BROKEN}, True, {"http"}),
        ({"http": BROKEN}, False, set()),  # the peer may be gone
        ({"http": BROKEN, "relay": GOOD}, False, {"http"}),
        ({"http": BROKEN, "relay": replace(GOOD, last_ok=990.0)}, False, {"http"}),  # before the third failure
        ({"http": BROKEN, "relay": replace(GOOD, last_ok=500.0)}, False, set()),  # it says nothing about now
        ({"http": BROKEN, "nats": GOOD}, False, {"http"}),
        ({"http": GOOD, "nats": BROKEN}, False, {"nats"}),
        ({"http": BROKEN, "nats": BROKEN}, False, set()),
        ({"http": BROKEN, "nats": BROKEN, "ssh": GOOD}, False, {"http", "nats"}),
        ({"http": replace(BROKEN, last_ok=None), "ssh": GOOD}, True, set()),  # nothing says that it should work
        ({"http": replace(BROKEN, state=ChannelState.DEGRADED)}, True, set()),
        ({"http": replace(BROKEN, state=ChannelState.HEALING)}, True, set()),
        ({"ssh": BROKEN, "http": GOOD}, True, set()),  # that a lower channel is broken is no reason to turn to anybody
    ],
)
def test_the_ladder_begins_where_a_direct_channel_should_work(
    health: dict[str, ChannelHealth], is_there: bool, found: set[str]
) -> None:
    assert set(should_begin(health, is_there=is_there)) == found


def test_only_ways_that_answered_after_the_failure_are_named() -> None:
    failed = replace(BROKEN, failed_at=1_002.0)
    at = {"relay": replace(GOOD, last_ok=1_003.0), "nats": replace(GOOD, last_ok=1_001.0)}
    words = should_begin({"http": failed, **at}, is_there=True)["http"]
    assert words == "timed out; after that it answered by relay"
    del at["relay"]
    assert should_begin({"http": failed, **at}, is_there=True)["http"] == "timed out; the peer was heard"
    words = should_begin({"http": failed, **at}, is_there=False)["http"]
    assert words == "timed out; it had just answered by nats"


@pytest.mark.parametrize(
    ("found", "chief", "under_repair", "taken"),
    [
        ({"b": {"nats": "", "http": ""}}, None, (), {"b": {"nats": "", "http": ""}}),
        ({"b": {"nats": ""}, "c": {"nats": ""}}, "c", (), {"c": {"nats": ""}}),  # the chief runs the server
        ({"b": {"nats": ""}, "c": {"nats": ""}}, "a", (), {"b": {"nats": ""}}),
        ({"b": {"nats": ""}, "c": {"nats": "", "http": ""}}, "a", ("nats",), {"c": {"http": ""}}),
        ({"b": {"http": ""}, "c": {"http": ""}}, "a", ("http",), {"b": {"http": ""}, "c": {"http": ""}}),
        ({"b": {}}, None, (), {}),
    ],
)
def test_what_goes_through_one_server_is_one_case(
    found: dict[str, dict[str, str]], chief: str | None, under_repair: tuple[str, ...], taken: dict[str, dict[str, str]]
) -> None:
    assert at_their_server(found, chief, under_repair) == taken


def test_a_peer_is_reachable_by_what_answered_since_the_trouble_began() -> None:
    case = Case("mac2", "http", "", began_at=1_010.0)
    assert is_reachable({"http": BROKEN, "ssh": GOOD}, [case], is_there=False)
    assert not is_reachable({"http": GOOD}, [case], is_there=False)
    assert not is_reachable({"ssh": replace(GOOD, last_ok=900.0)}, [case], is_there=False)
    assert is_reachable({}, [case], is_there=True)


def test_the_ladder_is_a_table_with_one_row_for_each_level() -> None:
    assert [rung.level for rung in LADDER] == list(Level)
    assert [rung.wait for rung in LADDER] == [0.0, 120.0, 300.0, inf]


class Storm(RuleBasedStateMachine):
    """Channels break and heal at random, steps succeed and fail, and the node is started again."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.ladders = Ladders()
        self.told: list[tuple[str, float]] = []
        self.insisted: list[tuple[str, float]] = []
        self.under_way: list[Step] = []

    peers = st.sampled_from(["mac2", "mac3"])
    channels = st.sampled_from(["http", "nats"])

    @rule(peer=peers, channel=channels)
    def breaks(self, peer: str, channel: str) -> None:
        self.ladders.begin(peer, channel, "no answer", self.now)

    @rule(peer=peers, channel=channels)
    def proves_itself(self, peer: str, channel: str) -> None:
        self.ladders.close(peer, channel)

    @rule(seconds=st.sampled_from([0.0, 1.0, 60.0, 120.0, 300.0, 900.0, 3_599.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def looks(self) -> None:
        for step in self.ladders.next(self.now, THERE):
            self._begins(step)

    @rule(peer=peers, level=st.sampled_from([L2, L3]))
    def a_person_asks(self, peer: str, level: Level) -> None:
        step = self.ladders.climb(peer, ["http", "nats"], level, self.now)
        if step is not None:
            self._begins(step)

    @rule(peer=peers, level=st.sampled_from([L2, L3]))
    def a_person_insists(self, peer: str, level: Level) -> None:
        step = self.ladders.climb(peer, ["http", "nats"], level, self.now, INSISTED)
        if step is not None:
            self._begins(step, insists=True)

    @rule(taken_up=st.booleans(), reached=st.booleans())
    def a_step_ends(self, taken_up: bool, reached: bool) -> None:
        if self.under_way:
            step = self.under_way.pop(0)
            self.ladders.done(step, "tried", self.now, taken_up=taken_up, reached=reached)
            for told in (self.told, self.insisted):
                if not reached and (step.peer, step.at) in told:
                    told.remove((step.peer, step.at))
                    break

    @rule()
    def starts_again(self) -> None:
        escalations = [one for peer in ("mac2", "mac3") for one in self.ladders.escalations(peer, self.now)]
        self.ladders = Ladders(self.ladders.cases, escalations)
        self.under_way.clear()

    def _begins(self, step: Step, insists: bool = False) -> None:
        self.under_way.append(step)
        if step.level in (L2, L3):
            (self.insisted if insists else self.told).append((step.peer, self.now))

    @invariant()
    def at_most_three_in_any_hour_and_as_many_more_where_a_person_insists(self) -> None:
        for told, most in ((self.told, ESCALATIONS), ([*self.told, *self.insisted], INSISTED)):
            for peer, at in told:
                within = [other for who, other in told if who == peer and at <= other < at + ESCALATIONS_WITHIN]
                assert len(within) <= most

    @invariant()
    def one_at_a_time(self) -> None:
        assert max(Counter(step.peer for step in self.under_way).values(), default=0) <= 1

    @invariant()
    def it_sleeps_until_there_is_something_to_do(self) -> None:
        if not self.under_way and self.ladders.wake_at(self.now) > self.now:
            assert not Ladders(
                self.ladders.cases, [one for p in ("mac2", "mac3") for one in self.ladders.escalations(p, self.now)]
            ).next(self.now, THERE)


TestStorm = Storm.TestCase
TestStorm.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
