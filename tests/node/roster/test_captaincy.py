"""What a person decides about the fleet, on whole nodes over real HTTP."""

import pytest

from multifleet.core.roster import Anchor
from multifleet.errors import UnknownNode
from tests.core.wire import identity
from tests.node.fleet import until
from tests.node.roster.signing import admission
from tests.node.roster.test_rostering import joined
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
