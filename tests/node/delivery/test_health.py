"""Channel health is learned from outcomes, kept in the store, and read as it is now."""

from multifleet.core.cascade import Attempt, Outcome, OutcomeKind
from multifleet.core.channel_state import QUIET_AFTER
from multifleet.node.delivery.health import Health
from tests.node.fleet import Machines

TRY = Attempt(1, "memory", 5.0)
FAILED = Outcome(TRY, OutcomeKind.FAILED, "no route")
GIT = Attempt(1, "git", 30.0)
STORED = Outcome(TRY, OutcomeKind.STORED)
FULL = Outcome(TRY, OutcomeKind.REFUSED_BY_PEER, "the disk is full")


async def test_health_survives_a_restart(fleet: Machines) -> None:
    machine, _ = fleet.add("mac1", "mac2")
    health = (await machine.open()).health_of_channels
    for _ in range(3):
        health.learn("mac2", FAILED, 0.0)
    assert health.of("mac2")["memory"].state == "broken"
    await machine.stop()
    known = (await machine.open()).health_of_channels.of("mac2")["memory"]
    assert (known.state, known.failures, known.last_error) == ("broken", 3, "no route")


async def test_a_refusal_by_the_peer_is_the_channels_success(fleet: Machines) -> None:
    machine, _ = fleet.add("mac1", "mac2")
    health = (await machine.open()).health_of_channels
    health.learn("mac2", FAILED, 0.0)
    health.learn("mac2", FULL, 0.01)
    assert health.of("mac2")["memory"].state == "healthy"


async def test_failures_from_before_fifteen_quiet_minutes_do_not_count_any_more(fleet: Machines) -> None:
    machine, _ = fleet.add("mac1", "mac2")
    health: Health = (await machine.open()).health_of_channels
    health.learn("mac2", STORED, 0.01)
    for _ in range(2):
        health.learn("mac2", FAILED, 0.0)
    machine.time.pass_(QUIET_AFTER + 1)
    assert health.of("mac2")["memory"].state == "healthy"
    health.learn("mac2", FAILED, 0.0)
    assert (health.of("mac2")["memory"].state, health.of("mac2")["memory"].failures) == ("degraded", 1)


async def test_a_broken_channel_is_due_for_a_probe_after_a_while(fleet: Machines) -> None:
    machine, _ = fleet.add("mac1", "mac2")
    health = (await machine.open()).health_of_channels
    for _ in range(3):
        health.learn("mac2", FAILED, 0.0)
    assert not health.due_for_a_probe("mac2")
    machine.time.pass_(6.0)
    assert health.due_for_a_probe("mac2")
    assert not health.due_for_a_probe("mac3")


async def test_a_channel_that_can_only_tell_somebody_is_never_broken(fleet: Machines) -> None:
    machine, _ = fleet.add("mac1", "mac2")
    health = (await machine.open()).health_of_channels
    for _ in range(5):
        health.learn("mac2", Outcome(Attempt(1, "text", 2.0), OutcomeKind.FAILED, "a half-typed draft"), 0.0)
    assert "text" not in health.of("mac2")


async def test_what_a_channel_that_only_parks_leaves_ends_that_it_is_broken_and_counts_as_tried(
    fleet: Machines,
) -> None:
    machine, _ = fleet.add("mac1", "mac2")
    health = (await machine.open()).health_of_channels
    for _ in range(3):
        health.learn("mac2", Outcome(GIT, OutcomeKind.FAILED, "no such repository"), 0.0)
    assert health.of("mac2")["git"].state == "broken"
    health.learn("mac2", Outcome(GIT, OutcomeKind.PARKED), 0.1)
    known = health.of("mac2")["git"]
    assert (known.state, known.failures, known.last_ok) == ("untried", 0, None)  # healthy is for the peer to say
    assert known.last_parked is not None
    health.learn("mac2", Outcome(TRY, OutcomeKind.PARKED), 0.1)
    assert "memory" not in health.of("mac2")  # one that can bring an answer proves itself by that


async def test_a_channel_that_is_set_to_something_else_begins_anew(fleet: Machines) -> None:
    machine, _ = fleet.add("mac1", "mac2")
    store = (await machine.open()).store
    health = Health(store, machine.node.clock)
    await health.load({"git": "/nope.git"})
    for _ in range(3):
        health.learn("mac2", Outcome(GIT, OutcomeKind.FAILED, "no such repository"), 0.0)
        health.learn("mac2", FAILED, 0.0)
    await store.database.settled()
    for remote, states in (("/nope.git", {"broken"}), ("/remote.git", set()), ("/remote.git", {"untried"})):
        known = Health(store, machine.node.clock)
        await known.load({"git": remote})
        await store.database.settled()
        assert {found.state for name, found in known.of("mac2").items() if name == "git"} == states, remote
        assert known.of("mac2")["memory"].state == "broken"
