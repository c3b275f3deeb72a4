"""What the command line does on a home without a daemon."""

import asyncio
from pathlib import Path

import pytest

from multifleet.errors import InviteWrong
from multifleet.node.offline import offline_join
from tests.node.served import Daemons


async def test_a_machine_that_is_no_node_yet_is_made_one_by_joining(daemons: Daemons, tmp_path: Path) -> None:
    (mac1,) = await daemons.up("mac1")
    code = (await mac1.node.invite([mac1.address])).code
    home = tmp_path / "fresh"
    joined = await asyncio.to_thread(offline_join, home, code, [])
    assert joined.inviter == "mac1"
    assert mac1.node.members.get(joined.node) is not None
    assert (home / "keys" / "identity.json").exists()


def test_a_mistyped_code_makes_no_node(tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    with pytest.raises(InviteWrong, match="mistyped"):
        offline_join(home, "2454T-0014A-BGYNF-6EWFG-R5HKZ-150F", [])
    assert not home.exists()
