"""I7: after a load and an outage the daemons hold no more than before."""

import pytest

from tests.lab.fleet import Fleet
from tests.lab.footprint import Footprint, wait_back
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

EACH_WAY = 500


def test_i7_a_burst_each_way_during_an_outage_leaves_nothing_behind(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    fleet.wait_nats()
    for node, to in ((mac1, "mac2"), (mac2, "mac1")):  # what the first messages allocate for good
        for number in range(50):
            node.send(to, f"warm {number}")
    fleet.wait_drained()
    before = {node.name: Footprint.of(node) for node in fleet.nodes}
    with fleet.lab.cut(mac1.host, mac2.host):
        for number in range(EACH_WAY):
            mac1.send("mac2", f"burst {number}")
            mac2.send("mac1", f"burst {number}")
        assert mac1.open_rows() == mac2.open_rows() == EACH_WAY
    fleet.wait_drained(15)
    for node in fleet.nodes:
        assert node.rows("SELECT count(*) FROM inbox WHERE body LIKE 'burst %'") == [(EACH_WAY,)]
        wait_back(node, before[node.name])


def test_messages_of_one_thread_keep_their_order_through_an_outage(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    with mac2.host.unplug():
        ids = [mac1.send("mac2", f"ordered {number}", thread="order") for number in range(50)]
    fleet.wait_drained(15)
    wait_for(lambda: mac2.rows("SELECT count(*) FROM inbox WHERE thread = 'order'") == [(50,)], 60)
    numbered = mac2.rows("SELECT id, n FROM inbox WHERE thread = 'order' ORDER BY n")
    assert [id for id, _ in numbered] == ids


def test_i6_a_channel_is_healthy_only_after_a_signed_round_trip(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes

    def state() -> str:
        (channel,) = (c for c in mac1.get("/channels?peer=mac2")["channels"] if c["channel"] == "http")
        return str(channel["state"])

    fleet.wait_drained()
    with mac2.host.block_port(8855, how="reset"), fleet.without_nats():
        mac1.send("mac2", "into a closed door")
        wait_for(lambda: state() == "broken", 60, what="three failures")
    wait_for(lambda: state() == "healthy", 30, what="a signed round trip")
    fleet.wait_drained()
