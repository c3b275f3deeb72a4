"""What a machine is told when it is let in counts as the word of who told it, and falls with that one."""

from multifleet.core.roster import Anchor
from tests.core.wire import identity
from tests.node.fleet import until
from tests.node.roster.joined import joined, let_in, revoke, settled
from tests.node.served import Daemons


async def test_a_root_that_a_captain_gone_bad_made_up_goes_out_with_it_wherever_it_was_passed_on(
    daemons: Daemons,
) -> None:
    mac1, bad = await joined(daemons, "mac1", "bad")
    evil = identity("evil").public.hex()
    roster = bad.node.rostering.roster
    roster.set_anchors({**roster.anchors, evil: Anchor("evil")})
    mac3, mac4 = await daemons.up("mac3", "mac4")
    await let_in(bad, mac3)
    await let_in(mac3, mac4)
    await settled([mac1, bad, mac3, mac4])
    assert all("evil" in daemon.node.rostering.view.members for daemon in (mac3, mac4))
    await revoke(mac1, "bad", "stolen")
    for daemon in (mac3, mac4):
        view = daemon.node.rostering
        await until(lambda view=view: set(view.view.members) == {"mac1", "mac3", "mac4"})  # type: ignore[misc]
        assert view.view.out[evil].how == "orphaned"
    await mac3.down()
    await mac3.up()
    assert set(mac3.node.rostering.view.members) == {"mac1", "mac3", "mac4"}
    await mac3.delivers("mac1")
    await mac4.delivers("mac3")
