"""What a person decides about the fleet, on whole nodes over real HTTP."""

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
