"""`wake` on the command line: its exit status says whether the machine is awake."""

from pathlib import Path

from tests.node.roster.joined import joined
from tests.node.served import daemons_in
from tests.surfaces import run_cli


async def test_the_exit_status_says_whether_the_machine_is_awake(tmp_path: Path) -> None:
    async with daemons_in(tmp_path) as daemons:
        mac1, mac2 = await joined(daemons, "mac1", "mac2")
        awake = await run_cli(mac1.home, "wake", "mac2")
        assert (awake.status, "mac2 is awake" in awake.out) == (0, True)
        await mac2.vanish()
        found = await run_cli(mac1.home, "wake", "mac2", "--timeout", "1")
        assert (found.status, "docs/wake.md" in found.out) == (3, True), found.out
