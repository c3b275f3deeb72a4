"""Where the fleet has a shared key, the configuration gives roles; where machines join by code, it gives nobody one."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from multifleet.config import Config
from multifleet.core.roster import Anchor
from multifleet.errors import NotEntitled
from multifleet.node.roster.roles import Roles
from tests.node.roster.joined import joined
from tests.node.served import Daemons

FOUNDER = Anchor("mac1")
SECOND = Anchor("mac2", by="k1", at=7)
BY_CODE = {"k1": FOUNDER, "k2": SECOND}
"""As mac2 keeps it, which mac1 has let in."""
ENTRIES: list[dict[str, Any]] = [
    {"role": "worker"},
    {"role": "boss"},
    {"role": "captain"},
    {"role": "chief"},
    {"host": "192.0.2.1"},
]
WRONG = [replace(FOUNDER, role="worker", eligible=False), replace(FOUNDER, eligible=False)]
"""What a founder was once made by the configuration of another machine."""


def roles(entry: dict[str, Any], *, is_shared: bool) -> Roles:
    said = {"nodes": {"mac1": entry, "mac2": entry}}
    return Roles(msgspec.convert(said, Config), is_shared)


@pytest.mark.parametrize("entry", ENTRIES)
def test_in_a_fleet_that_was_joined_by_code_an_entry_changes_nobody(entry: dict[str, Any]) -> None:
    assert roles(entry, is_shared=False).anew(BY_CODE) == BY_CODE
    assert roles(entry, is_shared=False).anchor("mac1") == FOUNDER


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("told_by", [(), ("k2",)])
@pytest.mark.parametrize("entry", [{}, *ENTRIES])
def test_a_founder_that_was_made_less_is_a_captain_again(
    entry: dict[str, Any], told_by: tuple[str, ...], wrong: Anchor
) -> None:
    kept = {"k1": replace(wrong, told_by=told_by), "k2": SECOND, "k3": Anchor("mac3", "worker", False, "k1", 9)}
    found = roles(entry, is_shared=False).anew(kept)
    assert found == {**kept, "k1": replace(FOUNDER, told_by=told_by)}


def test_several_roots_are_of_a_shared_key_and_stay_as_it_has_made_them_when_the_key_is_taken_out() -> None:
    kept = {"k1": FOUNDER, "k2": Anchor("mac2", "worker", False)}
    assert roles({"role": "chief"}, is_shared=False).anew(kept) == kept


def test_the_only_root_that_has_let_nobody_in_may_be_a_worker_of_a_shared_key_whose_captain_has_left() -> None:
    kept = {"k1": Anchor("mac1", "worker", False), "k2": Anchor("mac2", by="k0", at=7)}
    assert roles({"role": "chief"}, is_shared=False).anew(kept) == kept


def test_with_a_shared_key_a_role_counts_for_whom_no_captain_has_let_in() -> None:
    found = roles({"role": "worker"}, is_shared=True).anew(BY_CODE)
    assert found == {"k1": Anchor("mac1", "worker", False), "k2": SECOND}


@pytest.mark.parametrize("entry", [{"role": "boss"}, {"host": "192.0.2.1"}])
def test_with_a_shared_key_a_role_that_there_is_not_makes_nobody_less_who_is_in(entry: dict[str, Any]) -> None:
    shared = roles(entry, is_shared=True)
    assert shared.anew(BY_CODE) == BY_CODE
    assert shared.anchor("mac1").role == "worker"


async def test_a_member_that_calls_the_founder_a_worker_goes_on_knowing_what_it_is(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    await mac1.down()
    await mac2.down()
    for role in ("worker", "boss"):
        mac2.configure(nodes={"mac1": {"role": role}})
        await mac2.up()
        assert mac2.node.rostering.view.captains() == ["mac1", "mac2"]
        await mac2.down()


async def test_a_home_in_which_the_founder_is_a_worker_tells_to_look_before_leaving_and_is_right_after_a_start(
    daemons: Daemons,
) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    await mac1.down()
    rostering = mac2.node.rostering
    founder = mac1.node.rostering.key
    rostering.roster.set_anchors({**rostering.roster.anchors, founder: WRONG[0]})
    await rostering.settle([])  # which keeps it, in both places
    assert set(rostering.view.members) == {"mac1"}
    with pytest.raises(NotEntitled, match="no captain in this fleet; look at multifleet roster on mac1 first"):
        await mac2.node.invite([mac2.address])
    await mac2.down()
    await mac2.up()
    assert mac2.node.rostering.roster.anchors[founder] == FOUNDER
    assert mac2.node.rostering.view.captains() == ["mac1", "mac2"]


async def test_who_founds_a_fleet_without_a_shared_key_is_a_captain_whatever_its_configuration_says(
    daemons: Daemons,
) -> None:
    mac1 = daemons.new("mac1", nodes={"mac1": {"role": "worker"}})
    await mac1.up()
    assert mac1.node.rostering.view.captains() == ["mac1"]
