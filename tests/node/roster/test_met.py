"""A machine that was off lets nobody in by the shared key before it has asked others who was put out meanwhile."""

import pytest

from multifleet.errors import MultifleetError
from multifleet.node.roster.met import Met
from tests.node.fleet import until
from tests.node.roster.joined import known_to, settled
from tests.node.roster.test_membership import KEY, hello
from tests.node.served import Daemon, Daemons

NAMES = ("mac1", "mac2", "laptop", "spare")


async def fleet_with_shared_key(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> list[Daemon]:
    """mac1, mac2 and laptop, which know each other by the key; their configurations name spare, which is not set up."""
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    found = []
    for name in NAMES[:3]:
        others = {other: {"host": "127.0.0.1", "port": 9, "role": "captain"} for other in NAMES if other != name}
        found.append(daemons.new(name, nodes=others))
        await found[-1].up()
    for greeter, host in ((1, 0), (2, 0), (2, 1)):
        await hello(found[greeter], found[host])
    await settled(found)
    return found


async def up_again(daemon: Daemon) -> None:
    """Started anew, where it listened before."""
    nodes = {other: {"host": "127.0.0.1", "port": 9, "role": "captain"} for other in NAMES if other != daemon.name}
    daemon.configure(nodes=nodes)
    await daemon.up()


async def spare_for(daemons: Daemons, other: Daemon) -> Daemon:
    """A machine with new keys that calls itself spare; it knows the shared key."""
    spare = daemons.new("spare", nodes={other.name: {"host": "127.0.0.1", "port": 9}})
    await spare.up()
    return spare


async def test_who_was_put_out_meanwhile_does_not_come_back_under_a_name_that_is_free(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2, laptop = await fleet_with_shared_key(daemons, monkeypatch)
    await mac2.down()
    await laptop.down()
    await mac1.node.revoke("laptop", "stolen", False, False)
    await mac1.down()
    await up_again(laptop)
    await up_again(mac2)
    # The thief has the laptop's own keys as well, and compares rosters as it.
    assert await mac2.node.roster_exchange.reconcile("laptop")
    with pytest.raises(MultifleetError, match="started anew"):
        await hello(await spare_for(daemons, mac2), mac2)
    await up_again(mac1)
    await until(lambda: mac2.node.rostering.view.retired)
    assert known_to(mac1) == known_to(mac2) == {"mac1", "mac2"}


async def test_once_others_were_asked_a_machine_that_is_set_up_for_the_first_time_comes_in(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, mac2, _ = await fleet_with_shared_key(daemons, monkeypatch)
    await mac2.down()
    await up_again(mac2)
    await until(lambda: not mac2.node.rostering.met.lacking(NAMES))
    await hello(await spare_for(daemons, mac2), mac2)
    assert "spare" in known_to(mac2)


def test_two_answers_are_enough_and_where_fewer_are_known_all_of_them() -> None:
    met = Met()
    assert met.lacking(NAMES) == [], "a new fleet"
    met.start(["mac1", "laptop", "mac3"])
    assert met.lacking(NAMES) == ["laptop", "mac1"], "mac3 is no member any more"
    met.note("laptop")
    assert met.lacking(NAMES) == ["mac1"]
    assert met.lacking(["laptop"]) == []
    met.note("mac1")
    assert met.lacking([*NAMES, "mac3"]) == []
