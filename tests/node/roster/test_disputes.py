"""A dispute between captains, settled by the user of one machine for that machine alone."""

import pytest

from multifleet.errors import BadInput
from tests.node.roster.joined import joined, known_to, let_in, settled
from tests.node.roster.signing import revocation
from tests.node.served import Daemon, Daemons


async def disputed(daemons: Daemons, role: str = "captain") -> tuple[list[Daemon], Daemon]:
    """mac1 and mac2, who put each other out, and mac3, which knows it."""
    mac1, mac2, mac3 = await daemons.up("mac1", "mac2", "mac3")
    await let_in(mac1, mac2)
    await let_in(mac1, mac3, role)
    await settled([mac1, mac2, mac3])
    await mac3.down()
    stays = [mac3.node.rostering.key]
    one, two = mac1.node.rostering, mac2.node.rostering
    documents = [
        revocation(mac1.node, one.view.members["mac2"], "it is bad", stays, ()),
        revocation(mac2.node, two.view.members["mac1"], "no, it is", stays, ()),
    ]
    await one.take(documents)
    await two.take(documents)
    await mac3.up()
    await mac3.node.rostering.take(documents, "mac1")
    assert known_to(mac3) == {"mac3"}
    return [mac1, mac2], mac3


@pytest.mark.parametrize("role", ["captain", "worker"])
async def test_a_user_settles_a_dispute_for_one_machine_alone_and_may_take_it_back(
    daemons: Daemons, role: str
) -> None:
    (mac1, _), mac3 = await disputed(daemons, role)
    digest = mac3.node.rostering.digest()
    result = await mac3.node.settle("mac1", False)
    assert (result.holds_with, result.against, result.back, result.disputes) == ("mac1", ["mac2"], ["mac1"], [])
    assert "on this machine alone" in result.note
    assert "multifleet revoke mac2 on another captain settles it for all" in result.note
    assert known_to(mac3) == {"mac1", "mac3"}
    await mac3.delivers("mac1")
    await mac1.delivers("mac3")
    words = (
        "this machine alone holds with mac1 against mac2: multifleet revoke mac2 on another captain settles it for all"
    )
    assert mac3.node.rostering.digest() == digest, "nobody is told"
    await mac3.down()
    await mac3.up()
    assert known_to(mac3) == {"mac1", "mac3"}
    assert (await mac3.node.roster_view()).settled == (words,)
    assert words in (await mac3.node.status()).problems
    (check,) = (await mac3.node.doctor(["peers"])).checks
    assert words in check.says
    result = await mac3.node.settle("mac1", True)
    assert (result.holds_with, result.gone, len(result.disputes)) == (None, ["mac1"], 2)
    assert (await mac3.node.roster_view()).settled == ()


async def test_who_changes_his_mind_holds_with_the_other(daemons: Daemons) -> None:
    _, mac3 = await disputed(daemons)
    await mac3.node.settle("mac1", False)
    other = {dispute.by: dispute.by_key for dispute in mac3.node.rostering.roster.disputes()}["mac2"]
    result = await mac3.node.settle(other[:12], False)
    assert (result.holds_with, result.back, result.gone) == ("mac2", ["mac2"], ["mac1"])
    with pytest.raises(BadInput, match="there is nothing to take back"):
        await mac3.node.settle("mac1", True)
    with pytest.raises(BadInput, match="mac3 has put nobody out in a dispute: hold with one of mac1, mac2"):
        await mac3.node.settle("mac3", False)
    result = await mac3.node.revoke("mac1", "mac2 is right", False, False)
    assert (await mac3.node.roster_view()).settled == (), "it is settled for all now"


@pytest.mark.parametrize("lost", ["store.db*", "fleet.json"])
async def test_what_was_settled_survives_the_loss_of_either_place(daemons: Daemons, lost: str) -> None:
    _, mac3 = await disputed(daemons)
    await mac3.node.settle("mac1", False)
    await mac3.down()
    for part in mac3.home.glob(lost):
        part.unlink()
    await mac3.up()
    assert known_to(mac3) == {"mac1", "mac3"}


async def test_without_a_dispute_there_is_nothing_to_settle(daemons: Daemons) -> None:
    mac1, _ = await joined(daemons, "mac1", "mac2")
    with pytest.raises(BadInput, match="mac2 has put nobody out in a dispute: multifleet roster shows"):
        await mac1.node.settle("mac2", False)
