"""What cannot be taken back is noted before it is done."""

import asyncio
from pathlib import Path

from multifleet.channels import told_once
from multifleet.channels.told_once import KEPT, UNKNOWN, ToldOnce


async def test_what_was_begun_is_known_to_whoever_comes_after(tmp_path: Path) -> None:
    path = tmp_path / "told" / "cloud"
    told = ToldOnce(path)
    await told.begin(["m1", "m2"])
    await told.end(["m1"], "https://there/ 1")
    assert await ToldOnce(path).of(["m1", "m2", "m3"]) == {"m1": "https://there/ 1", "m2": UNKNOWN}
    assert path.stat().st_mode & 0o77 == 0


async def test_what_certainly_was_not_told_is_free_again(tmp_path: Path) -> None:
    told = ToldOnce(tmp_path / "t")
    await told.begin(["m1"])
    await told.end(["m1"], "")
    assert await told.of(["m1"]) == await ToldOnce(tmp_path / "t").of(["m1"]) == {}


async def test_a_line_that_was_cut_off_by_the_power_is_no_note(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("m1 ?\nm2 htt")
    assert await ToldOnce(tmp_path / "t").of(["m1", "m2"]) == {"m1": UNKNOWN}


async def test_the_file_stays_small_and_the_latest_stay_in_it(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("".join(f"old{n} ?\n" for n in range(told_once._REWRITTEN_AT)))
    await ToldOnce(path).begin(["new"])
    assert path.read_text().count("\n") == KEPT
    assert await ToldOnce(path).of(["old0", "new"]) == {"new": UNKNOWN}


async def test_a_note_whose_attempt_is_cancelled_is_whole(tmp_path: Path) -> None:
    told = ToldOnce(tmp_path / "t")
    task = asyncio.create_task(told.begin(["m1"]))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await told.of(["m1"]) == {}, "what was cancelled before it began to be written"
