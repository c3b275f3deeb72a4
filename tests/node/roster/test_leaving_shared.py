"""A machine that has left stays out, though the fleet's shared key is still in its environment."""

import pytest

from multifleet.errors import InviteWrong
from tests.node.fleet import until
from tests.node.roster.joined import known_to, let_in, settled
from tests.node.served import Daemon, Daemons

WORDS = "this machine has left the fleet that $FLEET_NERVE_HMAC_KEY names, and does not go back by itself"


@pytest.fixture
async def pair(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> list[Daemon]:
    """mac1 and mac2, which know each other by the shared key."""
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", "a shared key of a test fleet")
    nodes = {name: {"host": "127.0.0.1", "port": 9, "role": "captain"} for name in ("mac1", "mac2")}
    mac1 = daemons.new("mac1", nodes=nodes)
    await mac1.up()
    here = {"mac1": {"host": "127.0.0.1", "port": mac1.port, "role": "captain"}}
    mac2 = daemons.new("mac2", nodes=nodes | here)
    await mac2.up()
    await until(lambda: known_to(mac1) == known_to(mac2) == {"mac1", "mac2"})
    return [mac1, mac2]


@pytest.mark.parametrize("lost", ["", "store.db*", "fleet.json"])
async def test_it_is_not_back_after_a_restart_and_says_how_to_come_back(pair: list[Daemon], lost: str) -> None:
    mac1, mac2 = pair
    result = await mac2.node.leave()
    assert result.told == ["mac1"] and (result.note or "").startswith(WORDS)
    await mac2.down()
    for part in mac2.home.glob(lost) if lost else ():
        part.unlink()
    await mac2.up()
    assert mac2.node.members.fleet == result.new_fleet
    assert (mac2.node.membership.shared_key, dict(mac2.node.membership.expected)) == (None, {})
    (problem,) = (await mac2.node.status()).problems
    assert problem.startswith(WORDS) and "multifleet join here" in problem
    (check,) = (await mac2.node.doctor(["peers"])).checks
    assert WORDS in check.says and "multifleet invite on a captain" in (check.remedy or "")
    assert (known_to(mac1), known_to(mac2)) == ({"mac1"}, {"mac2"})


async def test_the_others_cannot_draw_it_back_with_a_hello(pair: list[Daemon]) -> None:
    mac1, mac2 = pair
    await mac2.node.leave()
    with pytest.raises(InviteWrong):
        await mac1.node.joining.greet("mac2", [mac2.address], b"a shared key of a test fleet")
    assert (known_to(mac1), known_to(mac2)) == ({"mac1"}, {"mac2"})


@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
async def test_a_captains_code_lets_it_in_again_and_the_key_counts_from_the_next_start(
    pair: list[Daemon], restarted: bool
) -> None:
    mac1, mac2 = pair
    fleet = mac1.node.members.fleet
    await mac2.node.leave()
    if restarted:
        await mac2.down()
        await mac2.up()
    await let_in(mac1, mac2)
    await settled(pair)
    await mac2.delivers("mac1")
    assert (await mac2.node.status()).problems == ()
    await mac2.down()
    await mac2.up()
    assert (mac2.node.members.fleet, mac2.node.membership.is_shared) == (fleet, True)
    await mac2.delivers("mac1")
