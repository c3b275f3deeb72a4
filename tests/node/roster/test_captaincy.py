"""What a person decides about the fleet, on whole nodes over real HTTP."""

import pytest

from multifleet.core.documents import LAST_MOMENT, Stop, sign
from multifleet.core.roster import Anchor
from multifleet.errors import NotEntitled, UnknownNode
from tests.core.wire import identity
from tests.node.fleet import until
from tests.node.roster.joined import joined, let_in
from tests.node.roster.signing import admission
from tests.node.served import Daemons

MANY = 1_000
"""More keys than one revocation has room to name."""


async def test_a_captain_that_let_in_more_than_a_revocation_can_name_is_put_out(daemons: Daemons) -> None:
    mac1, bad = await joined(daemons, "mac1", "bad")
    let_in = [admission(bad.node, f"x{number}", f"{number:064x}") for number in range(MANY)]
    await mac1.node.rostering.take(let_in)
    result = await mac1.node.revoke("bad", "too many friends", False, False)
    assert (result.how, len(result.stays), result.gone) == ("revoked", MANY, [])
    before = set(mac1.node.rostering.view.members)
    assert len(before) == MANY + 1
    # Those that it names go when a person says so; the others mac1 has let in itself by now.
    result = await mac1.node.revoke("bad", "", True, False)
    assert len(result.gone) > 900 and set(result.gone) | {"mac1", *result.stays} == before


async def test_a_key_that_is_known_to_others_alone_is_put_out_by_its_whole_key(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    evil = identity("evil").public.hex()
    anchors = {**mac2.node.rostering.roster.anchors, evil: Anchor("evil")}
    mac2.node.rostering.roster.set_anchors(anchors)  # as a captain gone bad may have told it at a join
    assert "evil" in mac2.node.rostering.view.members
    with pytest.raises(UnknownNode):
        await mac1.node.revoke(evil[:16], "", False, False)
    assert (await mac1.node.revoke(evil, "never heard of it", False, False)).node == "unknown"
    await until(lambda: "evil" not in mac2.node.rostering.view.members)


async def test_who_is_out_already_stays_out_for_the_first_reason(daemons: Daemons) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    first = await mac1.node.revoke("laptop", "stolen", False, False)
    assert (first.already, first.how) == (None, "revoked")
    await until(lambda: "laptop" not in mac2.node.rostering.view.members)
    said = "laptop was revoked by mac1: stolen"
    key = laptop.node.rostering.key
    at = mac1.node.rostering.view.out[key].at
    for daemon, reason in ((mac2, ""), (mac1, ""), (mac1, "another reason"), (mac2, "a third")):
        again = await daemon.node.revoke("laptop", reason, False, False)
        assert (again.already, again.already_at) == (said, at / 1000)
    await until(lambda: mac1.node.rostering.digest() == mac2.node.rostering.digest())
    # What is said again with more to it keeps the reason.
    assert (await mac1.node.revoke("laptop", "", True, False)).already == said
    await until(lambda: mac1.node.rostering.digest() == mac2.node.rostering.digest())
    words = [held.body for held in mac2.node.rostering.roster.held_by("revocation", mac1.node.rostering.key)]
    assert [getattr(body, "reason", None) for body in words] == ["stolen"]


async def test_a_stop_that_falls_with_its_captain_is_told_where_it_could_not_be_said_anew(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    identity, fleet = mac1.node.members.identity, mac1.node.members.fleet
    far = Stop(fleet=fleet, by=identity.public.hex(), at=LAST_MOMENT, stopped=False)
    await mac1.node.rostering.take([sign(identity, far)])
    await mac2.node.stops.decide(None, everywhere=True, undo=False)
    await until(lambda: mac1.node.rostering.is_stopped)
    found = await mac1.node.revoke("mac2", "", False, False)
    assert found.turned is False and not mac1.node.rostering.is_stopped


async def test_whom_the_thief_had_put_out_is_named_and_comes_back_when_that_is_said(daemons: Daemons) -> None:
    mac1, _, mac3, thief = await joined(daemons, "mac1", "mac2", "mac3", "thief")
    await thief.node.revoke("mac2", "quicker", False, False)
    await until(lambda: "mac2" not in mac1.node.rostering.view.members)
    assert (await mac1.node.revoke("thief", "a thief", False, False)).stays_out == ("mac2",)
    undone = await mac1.node.revoke("thief", "", False, True)
    assert (undone.stays_out, undone.back) == ((), ["mac2"])
    assert undone.already == "thief was revoked by mac1: a thief"
    await until(lambda: "mac2" in mac3.node.rostering.view.members)


async def test_a_worker_whose_captains_have_all_left_can_begin_a_fleet_of_its_own(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2", role="worker")
    left = await mac1.node.leave()
    assert left.note == "no captain is left there, so nobody can let others in or put them out: mac2"
    await until(lambda: mac2.node.members.get("mac1") is None)
    with pytest.raises(NotEntitled, match="no captain is in this fleet any more; multifleet leave makes"):
        await mac2.node.invite([mac2.address], "captain")
    assert (await mac2.node.leave()).note is None
    await let_in(mac2, mac1)
    assert set(mac2.node.rostering.view.members) == {"mac1", "mac2"}
    await mac2.node.rostering.begin_afresh("0" * 32)
    alone = await mac2.node.leave()
    assert alone.note is not None and "a fleet of its own" in alone.note and (alone.told, alone.given_up) == ([], 0)
    assert alone.fleet == alone.new_fleet == mac2.node.members.fleet == "0" * 32


async def test_whom_a_quicker_thief_has_put_out_comes_back_by_the_word_of_a_captain_that_is_in(
    daemons: Daemons,
) -> None:
    mac1, mac2, thief = await joined(daemons, "mac1", "mac2", "thief")
    await thief.node.revoke("mac2", "quicker", False, False)
    await until(lambda: "mac2" not in mac1.node.rostering.view.members)
    struck = await mac2.node.revoke("thief", "stolen", False, False)
    assert (struck.had_put_out_me, struck.back) == (True, ["mac2"])
    await until(lambda: set(mac1.node.rostering.view.members) == {"mac1"})  # its word is heard: now they dispute
    settled = await mac1.node.revoke("thief", "stolen", False, True)
    assert (settled.had_put_out_me, settled.back) == (False, ["mac2"])
    await mac1.delivers("mac2")
    assert set(mac2.node.rostering.view.members) == {"mac1", "mac2"}


async def test_a_machine_that_left_is_not_called_unknown_and_a_key_is_asked_for_in_full(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    await mac2.node.leave()
    await until(lambda: mac1.node.members.get("mac2") is None)
    with pytest.raises(UnknownNode, match="mac2 left the fleet: multifleet invite lets it in again"):
        await mac1.node.messages.send("mac2", "hello?")
    with pytest.raises(UnknownNode, match="of which 8 digits are enough"):
        await mac1.node.revoke(mac2.node.rostering.key[:4], "", False, False)
