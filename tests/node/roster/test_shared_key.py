"""Machines that have one key in common let each other in without a code, and nobody else."""

import pytest

from multifleet.errors import (
    NotEntitled,
)
from multifleet.node.roster.fleet_file import read_fleet
from tests.node.fleet import until
from tests.node.served import Daemons

KEY = "a shared key of a test fleet"


async def test_machines_with_a_shared_key_find_each_other_without_a_code(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    await mac1.up()
    mac2 = daemons.new("mac2", nodes={"mac1": {"host": "127.0.0.1", "port": mac1.port}})
    await mac2.up()
    await until(lambda: mac1.node.members.get("mac2") and mac2.node.members.get("mac1"))
    await mac1.delivers("mac2")
    await mac2.delivers("mac1")
    first, second = read_fleet(mac1.home), read_fleet(mac2.home)
    assert first is not None and second is not None and first.fleet == second.fleet


async def test_a_message_to_a_configured_machine_waits_for_its_hello(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    await mac1.up()
    sent = await mac1.node.messages.send("mac2", "early")
    mac2 = daemons.new("mac2", nodes={"mac1": {"host": "127.0.0.1", "port": mac1.port}})
    await mac2.up()
    story = await mac1.node.messages.wait(sent.id, "stored", 20.0)
    assert story.reached


async def test_a_machine_that_is_not_configured_is_not_admitted_by_the_shared_key(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    await mac1.up()
    mac9 = daemons.new("mac9", nodes={"mac1": {"host": "127.0.0.1", "port": mac1.port}})
    await mac9.up()
    await until(lambda: mac1.node.counters.snapshot().get("join_refused_invite_wrong"))
    assert mac1.node.members.get("mac9") is None
    assert mac9.node.members.get("mac1") is None


async def test_another_shared_key_admits_nobody(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    await mac1.up()
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", "another key than the first")
    mac2 = daemons.new("mac2", nodes={"mac1": {"host": "127.0.0.1", "port": mac1.port}})
    await mac2.up()
    await until(lambda: mac1.node.counters.snapshot().get("join_refused_invite_wrong"))
    assert list(mac1.node.members.others()) == []


async def test_a_changed_key_under_a_shared_key_is_refused(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    await mac1.up()
    nodes = {"mac1": {"host": "127.0.0.1", "port": mac1.port}}
    mac2 = daemons.new("mac2", nodes=nodes)
    await mac2.up()
    await until(lambda: mac1.node.members.get("mac2") and mac2.node.members.get("mac1"))
    await mac2.down()
    impostor = daemons.new("mac2", home="impostor", nodes=nodes)
    await impostor.up()
    await until(lambda: mac1.node.counters.snapshot().get("join_refused_key_changed"))
    assert impostor.node.members.get("mac1") is None


async def test_the_configuration_gives_roles_to_machines_with_a_shared_key(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9, "role": "worker"}})
    await mac1.up()
    there = {"host": "127.0.0.1", "port": mac1.port, "role": "chief", "chief_eligible": True}
    mac2 = daemons.new("mac2", nodes={"mac1": there, "mac2": {"role": "worker"}})
    await mac2.up()
    await until(lambda: mac1.node.members.get("mac2") and mac2.node.members.get("mac1"))
    for daemon in (mac1, mac2):
        roles = {one.node: one.role for one in (await daemon.node.roster_view()).members}
        assert roles == {"mac1": "captain", "mac2": "worker"}
    with pytest.raises(NotEntitled, match="do it on mac1"):
        await mac2.node.invite([mac2.address])
