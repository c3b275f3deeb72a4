"""Whom a node lets in, and as what, on whole nodes over real HTTP."""

import asyncio

import pytest

from multifleet.errors import InviteWrong, NotEntitled
from tests.node.roster.test_rostering import let_in, settled
from tests.node.served import Daemon, Daemons

KEY = "a shared key of a test fleet"


async def hello(greeter: Daemon, host: Daemon) -> None:
    """As a machine says it that knows the shared key, whatever it has been told of itself."""
    await greeter.node.joining.greet(host.name, [host.address], KEY.encode())


async def with_worker(daemons: Daemons, monkeypatch: pytest.MonkeyPatch, named: dict[str, object]) -> list[Daemon]:
    """mac1 and mac2, which mac1 has let in as a worker; mac1's configuration names these machines."""
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes=named)
    mac2 = daemons.new("mac2")
    for daemon in (mac1, mac2):
        await daemon.up()
    await let_in(mac1, mac2, "worker")
    await settled([mac1, mac2])
    return [mac1, mac2]


@pytest.mark.parametrize("named", [{}, {"mac2": {"host": "127.0.0.1", "port": 9, "role": "captain"}}])
async def test_a_hello_of_a_member_changes_neither_role_nor_anchors(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch, named: dict[str, object]
) -> None:
    mac1, mac2 = await with_worker(daemons, monkeypatch, named)
    key, anchors = mac2.node.rostering.key, dict(mac1.node.rostering.roster.anchors)
    said = mac1.node.rostering.roster.held("admission", key)
    # mac2 pins mac1 already, and so need not be configured to be answered.
    await hello(mac2, mac1)
    assert mac1.node.rostering.view.members["mac2"].role == "worker"
    assert mac1.node.rostering.roster.held("admission", key) == said
    assert mac1.node.rostering.roster.anchors == anchors
    with pytest.raises(NotEntitled, match="mac2 is a worker"):
        await mac2.node.revoke("mac1", "mine now", False, False)
    await mac1.delivers("mac2")


@pytest.mark.parametrize("named", [{}, {"mac2": {"host": "127.0.0.1", "port": 9, "role": "captain"}}])
async def test_who_has_left_is_not_brought_back_by_a_hello_which_may_be_a_recorded_one(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch, named: dict[str, object]
) -> None:
    mac1, mac2 = await with_worker(daemons, monkeypatch, named)
    await mac1.node.rostering.take([mac2.node.rostering.own.leave()])
    why = "mac2 left the fleet, and comes back by a join code only" if named else "mac2 is not in the configuration"
    with pytest.raises(InviteWrong, match=why):
        await hello(mac2, mac1)
    assert "mac2" not in mac1.node.rostering.view.members


async def test_who_says_hello_believes_in_nobody_that_its_configuration_does_not_name(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    mac2 = daemons.new("mac2")
    await asyncio.gather(mac1.up(), mac2.up())
    with pytest.raises(InviteWrong, match="mac1 is not in the configuration here"):
        await hello(mac2, mac1)
    assert list(mac2.node.rostering.view.members) == ["mac2"]
