"""Only regular files of this user are read, never more than the limit, and never by waiting."""

import os
from pathlib import Path

import pytest

from multifleet.sessions.own_files import NotOurs, is_private_folder, make_private_folder, read_own_file


def test_a_file_of_ours_is_read_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    assert read_own_file(path, 5) == b"12345"
    with pytest.raises(NotOurs, match="larger"):
        read_own_file(path, 4)
    with pytest.raises(FileNotFoundError):
        read_own_file(tmp_path / "none", 5)


def test_a_file_that_does_not_tell_its_size_is_not_read_beyond_the_limit() -> None:
    with pytest.raises(NotOurs):
        read_own_file(Path("/proc/self/environ").resolve(), 1)


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "device"])
def test_anything_else_is_not_ours(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "f"
    if kind == "link":
        (tmp_path / "target").write_text("x")
        path.symlink_to(tmp_path / "target")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = Path("/dev/zero")
    with pytest.raises(NotOurs):
        read_own_file(path, 100)


def test_another_users_file_and_folder_are_not_ours(tmp_path: Path) -> None:
    path, folder = Path("/etc/passwd"), Path("/etc")
    if os.getuid() == 0:
        path, folder = tmp_path / "f", tmp_path / "d"
        path.write_text("x")
        make_private_folder(folder)
        os.chown(path, 12345, 12345)
        os.chown(folder, 12345, 12345)
    with pytest.raises(NotOurs, match="another user"):
        read_own_file(path, 1_000_000)
    assert not is_private_folder(folder)
    with pytest.raises(NotOurs):
        make_private_folder(folder)


def test_a_private_folder_is_made_once_and_checked_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    make_private_folder(folder)
    make_private_folder(folder)
    assert is_private_folder(folder)
    folder.chmod(0o750)
    with pytest.raises(NotOurs):
        make_private_folder(folder)
