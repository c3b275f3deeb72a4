"""What waits for peers that come here is left for them and for nobody else, and nothing planted is followed."""

import os
from pathlib import Path

import pytest

from multifleet.core.drop import OUT_NAME, seed_name
from multifleet.node.delivery import leaving
from multifleet.node.node import Node
from tests.node.delivery.test_receiving import now_message, request
from tests.node.fleet import Machines, until


@pytest.fixture
async def mac2(fleet: Machines, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node that knows mac1 and reaches nobody."""
    monkeypatch.setattr(leaving, "UNHEARD_EVERY", 0.02)
    fleet.network.severed.add("mac1")
    return await fleet.add("mac1", "mac2")[1].start()


async def test_who_left_something_finds_its_receipts(mac2: Node) -> None:
    path = mac2.home / "drop" / seed_name("0" * 32)
    path.write_bytes(request(mac2, now_message(mac2)))
    left = mac2.home / "out" / "mac1" / OUT_NAME
    await until(left.exists)
    assert left.read_bytes().startswith(b"mf1 mac2 mac1 ") and left.stat().st_mode & 0o777 == 0o600
    assert [(row.channel, row.body) for row in await mac2.store.inbox.listing(10)] == [("seed", "hello")]


async def test_messages_are_left_for_who_looks_here_and_for_nobody_else(mac2: Node) -> None:
    await mac2.messages.send("mac1", "come and get it")
    await mac2.leaving._leave_to_unheard()
    assert not (mac2.home / "out").exists()
    (mac2.home / "out" / "mac1").mkdir(parents=True, mode=0o700)
    os.chmod(mac2.home / "out", 0o700)
    await until((mac2.home / "out" / "mac1" / OUT_NAME).exists)


async def test_links_that_were_planted_are_not_followed(mac2: Node, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "gone").mkdir(parents=True, mode=0o700)
    (elsewhere / "mac1").mkdir(mode=0o700)
    (elsewhere / "gone" / OUT_NAME).write_bytes(b"somebody's")
    (mac2.home / "out").symlink_to(elsewhere)
    await mac2.leaving.visited("mac1")
    await mac2.leaving._leave_to_unheard()
    assert mac2.counters.snapshot()["out_not_written"] >= 1
    assert list((elsewhere / "mac1").iterdir()) == [] and (elsewhere / "gone" / OUT_NAME).exists()


async def test_nothing_stays_for_who_is_in_the_fleet_no_more(mac2: Node) -> None:
    made, out = mac2.home / "made", mac2.home / "out"
    for folder in (made, made / "mac9", made / "mac8"):
        folder.mkdir(mode=0o700)
        (folder / OUT_NAME).write_bytes(b"mf1")
    (made / "mac8" / "letters").write_bytes(b"not ours")
    made.rename(out)  # whole: a thread of the node removes what it finds empty
    await until(lambda: not (out / "mac9").exists())
    assert (out / "mac8" / "letters").exists()


async def test_what_nobody_finished_writing_is_removed_after_a_while(mac2: Node) -> None:
    old, young = (mac2.home / "drop" / f".{seed_name(digit * 32)}" for digit in "01")
    for path in (old, young):
        path.write_bytes(b"mf1 half")
    os.utime(old, (1_000_000, 1_000_000))
    mac2.dropped._tidied = float("-inf")
    await until(lambda: not old.exists())
    assert young.exists()


async def test_what_could_not_be_written_is_written_later_though_nothing_else_happens(
    mac2: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = mac2.home / "out"
    (out / "mac1").mkdir(parents=True, mode=0o700)
    out.chmod(0o700)
    (out / "mac1" / OUT_NAME).mkdir()  # no file can be put in its place
    await mac2.messages.send("mac1", "come and get it")
    monkeypatch.setattr(mac2.leaving, "_revision", lambda: -1)
    before = mac2.counters.snapshot().get("out_not_written", 0)
    await until(lambda: mac2.counters.snapshot().get("out_not_written", 0) > before + 1)
    (out / "mac1" / OUT_NAME).rmdir()
    await until((out / "mac1" / OUT_NAME).is_file)
