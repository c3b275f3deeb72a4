"""What the doctor says of multicast: where it is off or cannot be had, nothing is broken."""

from pathlib import Path

import pytest

from multifleet.node.checks.finding import Level
from multifleet.node.checks.mdns import heard
from multifleet.node.discovery.announcement import Announced
from multifleet.node.discovery.interfaces import NO_INTERFACE
from tests.node.served import daemons_in


async def test_every_way_of_being_silent_is_named_and_none_is_a_fault(tmp_path: Path) -> None:
    async with daemons_in(tmp_path) as daemons:
        node = await daemons.new("mac1", mdns=False).up()
        assert heard(node).says.startswith('off: "mdns" is false in config.json')
        node = await daemons.new("mac2", mdns=True).up()
        assert heard(node).says.startswith("off: this node listens on 127.0.0.1 only")
        node.binds = ["0.0.0.0"]
        assert "begins" in heard(node).says
        mdns = node.discovery.mdns
        mdns.is_used, mdns.problem = True, NO_INTERFACE
        assert (heard(node).level, heard(node).says) == (Level.OK, "waits: no network interface is up")
        mdns.problem = "Operation not permitted"
        found = heard(node)
        assert found.level is Level.WARN and "Operation not permitted" in found.says
        assert '"mdns": false' in (found.remedy or "")
        mdns.problem = None
        node.discovery._heard(Announced("mac9", "tag", ("192.0.2.9:1",)))
        assert heard(node).says == "on; 1 others announce this fleet"


@pytest.mark.parametrize(("name", "says"), [("mac2", "1 of 1 other members"), ("mac9", "no member is heard")])
async def test_members_that_are_heard_are_counted(tmp_path: Path, name: str, says: str) -> None:
    async with daemons_in(tmp_path) as daemons:
        first, second = await daemons.up("mac1", "mac2")
        await second.node.join((await first.node.invite([first.address])).code, [])
        first.node.binds = ["0.0.0.0"]
        first.node.discovery.mdns.is_used = True
        first.node.discovery._heard(Announced(name, "tag", ("192.0.2.9:1",)))
        assert says in heard(first.node).says
