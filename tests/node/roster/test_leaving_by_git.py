"""A machine that leaves while nobody answers: its word waits in git for who looks there, and the others are named."""

from pathlib import Path

import pytest

from multifleet.channels import git_incoming, git_outgoing
from tests.channels.git_world import Repository
from tests.node.fleet import until
from tests.node.roster.joined import known_to, let_in, settled
from tests.node.served import Daemons


async def test_the_word_of_a_machine_that_leaves_waits_in_git_and_the_reader_tells_the_rest(
    daemons: Daemons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_outgoing, "GATHER_SECONDS", 0.05)
    monkeypatch.setattr(git_incoming, "SOON", 0.2)
    remote = Repository(tmp_path / "fleet.git")
    git = {"remote": str(remote.path), "every": 600}
    mac1 = daemons.new("mac1", git=git, nodes={"mac3": {"channels": {"off": ["git"]}}})
    mac2, mac3 = daemons.new("mac2", git=git), daemons.new("mac3")
    for daemon in (mac1, mac2, mac3):
        await daemon.up()
    for joiner in (mac2, mac3):
        await let_in(mac1, joiner)
    await settled([mac1, mac2, mac3])
    await mac2.down()
    await mac3.down()
    left = await mac1.node.leave()
    (waits,) = left.waits
    assert waits.startswith(f"mac2 (git: {remote.path}") and (left.told, left.not_told) == ([], ("mac3",))
    await mac3.up()
    assert "mac1" in known_to(mac3)
    await mac2.up()
    await until(lambda: known_to(mac2) == known_to(mac3) == {"mac2", "mac3"})
