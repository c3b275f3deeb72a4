"""Whom a node lets in, and as what, on whole nodes over real HTTP."""

import asyncio

import pytest

from multifleet.errors import BadInput, InviteWrong, NotEntitled, Revoked
from multifleet.node.roster.words import come_back_words
from tests.node.fleet import until
from tests.node.roster.joined import joined, known_to, let_in, settled
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


async def test_an_invitation_for_a_worker_makes_no_less_of_a_captain_and_says_so(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    with pytest.raises(BadInput, match="mac3 was let in as a captain, and no invitation makes less of it"):
        await let_in(mac1, mac3, "worker")
    await mac2.node.leave()
    await until(lambda: mac1.node.members.get("mac2") is None)
    made = await mac1.node.invite([mac1.address], "worker")
    with pytest.raises(BadInput, match="multifleet init --node mac2; multifleet up"):
        await mac2.node.join(made.code, [])
    # The code is still good for another machine, and the captain comes back as one.
    mac4 = (await daemons.up("mac4"))[0]
    await mac4.node.join(made.code, [])
    assert mac1.node.rostering.view.members["mac4"].role == "worker"
    await let_in(mac1, mac2)
    assert mac1.node.rostering.view.members["mac2"].role == "captain"


async def test_a_worker_that_left_comes_back_as_one(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2", role="worker")
    await mac2.node.leave()
    await until(lambda: mac1.node.members.get("mac2") is None)
    await let_in(mac1, mac2, "worker")
    assert mac1.node.rostering.view.members["mac2"].role == "worker"


async def test_who_comes_with_the_code_of_a_revoked_machine_is_told_to_take_another(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    made = await mac2.node.invite([mac2.address], "captain")
    await mac1.node.revoke("mac2", "stolen", False, False)
    await until(lambda: mac2.node.rostering.view.me_out is not None)
    mac3 = (await daemons.up("mac3"))[0]
    words = r"mac2, which made this code, is out of the fleet itself \(mac2 was revoked by mac1: stolen\): take a code"
    with pytest.raises(Revoked, match=words):
        await mac3.node.join(made.code, [])
    (check,) = (await mac2.node.doctor(["peers"])).checks
    assert "with new keys only: multifleet down; mv" in (check.remedy or "")


async def test_who_lost_its_admitter_comes_back_by_a_code_with_its_keys(daemons: Daemons) -> None:
    mac1, bad, mac3 = await daemons.up("mac1", "bad", "mac3")
    await let_in(mac1, bad)
    await let_in(bad, mac3)
    await until(lambda: mac1.node.members.get("mac3"))
    await mac1.node.revoke("bad", "", True, False)
    out = mac1.node.rostering.view.out[mac3.node.rostering.key]
    assert out.how == "orphaned"
    assert come_back_words(out) == "multifleet invite on a captain that is in, and multifleet join here"
    await let_in(mac1, mac3)
    assert "mac3" in mac1.node.rostering.view.members
    await until(lambda: mac3.node.rostering.view.me_out is None)


async def test_who_founded_the_fleet_stays_its_captain_where_only_its_login_is_configured(daemons: Daemons) -> None:
    mac1, mac2, _ = await joined(daemons, "mac1", "mac2", "mac3")
    mac2.configure(nodes={"mac1": {"host": "127.0.0.1", "port": mac1.port, "user": "fleet"}})
    await mac2.down()
    await mac2.up()
    assert mac2.node.rostering.view.members["mac1"].role == "captain"
    assert known_to(mac2) == {"mac1", "mac2", "mac3"}
    await mac2.delivers("mac3")
