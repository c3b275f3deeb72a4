"""Whatever the channels do, the rules of a cascade hold."""

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.cascade import (
    KEPT_AFTER,
    Cascade,
    Done,
    OutcomeKind,
)
from multifleet.core.channel_state import ChannelHealth, ChannelState
from multifleet.core.receipts import State
from multifleet.core.routing import ChannelFacts, Tier
from tests.core.cascade_world import (
    ALL,
    NUDGED,
    PARKED,
    STORED,
    Ends,
    play,
)

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
