"""A transcript is found where the client puts it, read on from where we were, and never followed elsewhere."""

import os
from pathlib import Path

import pytest

from multifleet.sessions.claude_transcript import TranscriptFile, size_of, transcript_path

ID = "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5"


def test_its_folder_is_the_projects_path_with_dashes(tmp_path: Path) -> None:
    path = transcript_path(tmp_path, "/home/fleet/My.Project_ü", ID)
    assert path == tmp_path / f"projects/-home-fleet-My-Project--/{ID}.jsonl"


def test_one_that_lies_under_another_name_is_found(tmp_path: Path) -> None:
    there = tmp_path / "projects/-a-long-name-with-a-hash-at-its-end-x1y2"
    there.mkdir(parents=True)
    (there / f"{ID}.jsonl").write_text("{}\n")
    (tmp_path / "projects/other").mkdir()
    assert transcript_path(tmp_path, "/some/where", ID) == there / f"{ID}.jsonl"


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    file = TranscriptFile(path)
    assert file.read() == b"" and size_of(path) == 0
    path.write_bytes(b"one\ntwo")
    assert file.read() == b"one\ntwo"
    assert file.read() == b""
    with path.open("ab") as more:
        more.write(b"!\n")
    assert file.read() == b"!\n"
    assert not file.restarted() and size_of(path) == file.offset == 9


def test_it_begins_where_it_is_told_and_reads_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"0123456789")
    file = TranscriptFile(path, offset=4)
    assert [file.read(4), file.read(4), file.read(4)] == [b"4567", b"89", b""]


def test_a_file_that_was_cut_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"a long line\n")
    file = TranscriptFile(path)
    file.read()
    path.write_bytes(b"new\n")
    assert file.read() == b"new\n"
    assert file.restarted() and not file.restarted()


def test_a_file_that_was_replaced_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"old\n")
    file = TranscriptFile(path)
    file.read()
    other = tmp_path / "other"
    other.write_bytes(b"another one, and longer\n")
    other.replace(path)
    assert file.read() == b"another one, and longer\n"
    assert file.restarted()


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_is_planted_in_its_place_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "t.jsonl"
    if kind == "link":
        (tmp_path / "secret").write_text("secret")
        path.symlink_to(tmp_path / "secret")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert TranscriptFile(path).read() == b""
