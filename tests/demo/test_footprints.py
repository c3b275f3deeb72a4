from pathlib import Path

from multifleet.demo.footprints import removing_new


def test_a_folder_that_was_made_meanwhile_and_is_empty_goes(tmp_path: Path) -> None:
    with removing_new([tmp_path / "new", tmp_path / "never made"]):
        (tmp_path / "new").mkdir()
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_or_is_used_by_somebody_stays(tmp_path: Path) -> None:
    old, used = tmp_path / "old", tmp_path / "used"
    old.mkdir()
    with removing_new([old, used]):
        used.mkdir()
        (used / "a.sock").touch()
    assert old.is_dir() and used.is_dir()
