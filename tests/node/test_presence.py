"""Nodes on real sockets see each other come and go, and nobody else can make them believe that somebody does."""

from multifleet.core.presence.states import PresenceState
from tests.node.fleet import until
from tests.node.served import Daemon, Daemons


async def fleet_of(daemons: Daemons, *names: str) -> list[Daemon]:
    """Daemons that know each other and have heard each other."""
    first, *others = await daemons.up(*names)
    for other in others:
        await other.node.join((await first.node.invite([first.address])).code, [])
    for other in others:
        await until(lambda other=other: sees(first, other) == sees(other, first) == "alive")
    return [first, *others]


def sees(daemon: Daemon, other: Daemon) -> str:
    """How another one is to this one."""
    return str(daemon.node.presence.peer(other.name).state)


async def test_nodes_that_joined_are_alive_to_each_other(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    await until(lambda: mac1.node.presence.peer("mac2").round_trip is not None)
    peer = mac1.node.presence.peer("mac2")
    assert peer.state is PresenceState.ALIVE
    assert 0 < (peer.round_trip or 0.0) < 1
    assert mac1.node.presence.best_address("mac2") == mac2.address


async def test_a_death_is_seen_and_so_is_the_return(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    await mac2.down()
    await until(lambda: sees(mac1, mac2) == "dead")
    assert "unanswered" in mac1.node.presence.peer("mac2").how
    await mac2.up()
    await until(lambda: sees(mac1, mac2) == sees(mac2, mac1) == "alive")
