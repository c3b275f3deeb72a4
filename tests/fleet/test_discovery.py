"""Nodes of one network hear of each other by themselves; what a stranger shouts there gives him nothing."""

import time

import pytest

from multifleet.core.sightings import fleet_tag
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

LOOKED_AGAIN = 75.0
"""Seconds: what was not understood when it was said is looked at again after a minute."""

GOODBYE = 30.0
"""What was said without a goodbye is forgotten after two minutes at the earliest."""

SHOUT = """
import asyncio, ipaddress, sys
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf
async def main(own, tag, *told):
    async with AsyncZeroconf(interfaces=[own]) as anybody:
        for node, host in zip(told[::2], told[1::2]):
            name = node + "-" + tag + "._fleet-nerve._tcp.local."
            info = ServiceInfo("_fleet-nerve._tcp.local.", name, port=8855,
                properties={"v": "1", "node": node, "fleet": tag}, server=node.replace(" ", "") + "-x.local.",
                addresses=[ipaddress.ip_address(host).packed])
            await anybody.async_register_service(info, cooperating_responders=True)
        print("shouted", flush=True)
        await asyncio.sleep(600)
asyncio.run(main(*sys.argv[1:]))
"""


def heard(node: FleetNode, way: str = "mdns") -> dict[str, tuple[bool, list[str]]]:
    """Who was heard, whether as a member, and where."""
    listing = node.get("/discover")["heard"]
    return {one["node"]: (one["member"], one["addresses"]) for one in listing if one["way"] == way}


def test_strangers_are_shown_as_not_joined_and_a_lie_about_a_member_moves_nothing(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    wait_for(lambda: "mac2" in heard(mac1), LOOKED_AGAIN)
    tag = fleet_tag(mac1.get("/status")["fleet"])
    network = mac2.host.ip.rpartition(".")[0]
    told = ["mac9", f"{network}.99", "mac2", f"{network}.98", "Not A Node", f"{network}.97", "mac8", "127.0.0.1"]
    command = [fleet.lab.python, "-c", SHOUT, mac2.host.ip, tag, *told]
    shouting = mac2.host.popen(command, name="shouting", fake_clock=False)
    shouting.wait_output("shouted", 60)
    try:
        wait_for(lambda: "mac9" in heard(mac1), LOOKED_AGAIN)
        assert heard(mac1)["mac9"] == (False, [f"{network}.99:8855"])
        assert set(heard(mac1)) <= {"mac2", "mac9"}
        assert [peer["node"] for peer in mac1.get("/peers")["peers"]] == ["mac2"]
        message = mac1.send("mac2", "it is still you")
        mac1.wait_state(message, "stored", 60)
        assert "not joined" in mac1.cli("discover").stdout
    finally:
        shouting.stop()


def test_a_daemon_that_goes_down_says_goodbye_also_when_it_has_just_moved(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    wait_for(lambda: "mac2" in heard(mac1), LOOKED_AGAIN)
    first, second = mac2.host.ip, f"{mac2.host.ip.rpartition('.')[0]}.77"
    with mac2.host.change_ip(second):
        began = time.monotonic()
        message = mac1.send("mac2", "to where you are now")
        wait_for(lambda: f"{second}:8855" in heard(mac1).get("mac2", (False, []))[1], 20)
        mac1.wait_state(message, "stored", 20)
        assert time.monotonic() - began < 20
    mac2.cli("down")  # before anything here knows of the address that it has now
    wait_for(lambda: "mac2" not in heard(mac1), GOODBYE)
    mac2.up()
    wait_for(lambda: f"{first}:8855" in heard(mac1).get("mac2", (False, []))[1], LOOKED_AGAIN)
    assert heard(mac1)["mac2"][0], "it is a member as before"
    mac2.cli("down")
    wait_for(lambda: "mac2" not in heard(mac1), GOODBYE)
