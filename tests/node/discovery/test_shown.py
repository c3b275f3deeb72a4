"""What a user is shown of what was heard."""

from multifleet.core.replay import ReplayClock
from multifleet.core.sightings import Way
from multifleet.node.clock import Clocks, NodeClock
from multifleet.node.discovery.announcement import Announced
from multifleet.node.discovery.shown import discovery_view
from tests.node.discovery.test_discovery import World


def test_members_have_a_state_and_strangers_have_not_joined() -> None:
    world = World()
    discovery = world.made()
    discovery._heard(Announced("mac2", "tag", ("192.0.2.7:1",)))
    discovery._heard(Announced("mac9", "tag", ("192.0.2.9:1",)))
    world.now += 5
    clocks = Clocks(lambda: 1_000.0, lambda: world.now)
    clock = NodeClock(clocks, ReplayClock.start(1_000.0, 0.0, world.now))
    view = discovery_view(discovery, {"mac2": "alive"}.get, clock, None)
    assert [(one.node, one.way, one.member, one.state) for one in view.heard] == [
        ("mac2", Way.MDNS, True, "alive"),
        ("mac9", Way.MDNS, False, None),
    ]
    assert {one.seen_at for one in view.heard} == {995.0}
    assert view.mdns == "begins a second after the daemon"
    discovery.mdns.is_used = True
    assert discovery_view(discovery, {}.get, clock, None).mdns == "on"
    discovery.mdns.problem = "Operation not permitted"
    assert discovery_view(discovery, {}.get, clock, None).mdns == "Operation not permitted"
    assert discovery_view(discovery, {}.get, clock, "not wanted").mdns == "off: not wanted"
