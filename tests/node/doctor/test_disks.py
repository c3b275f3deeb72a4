"""A full disk and a read-only one turn the disk red; that the store cannot be written follows from it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.doctor.faults import FAIL
from tests.node.doctor.real_home import RealHome

pytestmark = pytest.mark.lab


@pytest.fixture
def small_disk(home: RealHome) -> Iterator[Path]:
    """The home on a file system of 24 MB, the daemon up."""
    kept = home.home.with_name("kept")
    home.home.rename(kept)
    home.home.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "none", home.home], check=True)
    subprocess.run(["cp", "-a", f"{kept}/.", home.home], check=True)
    home.up()
    yield home.home
    home.kill()
    subprocess.run(["umount", home.home], check=True)


def fill(disk: Path) -> None:
    """Until not one byte more fits."""
    ballast = os.open(disk / "ballast", os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        while True:
            os.write(ballast, b"x" * 4096)
    except OSError:
        os.close(ballast)


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", disk], check=True)


def failing(home: RealHome) -> list[str]:
    return [name for name, level in home.not_well().items() if level == FAIL]


def test_a_small_disk_with_room_is_a_warning(home: RealHome, small_disk: Path) -> None:
    assert home.not_well() == {"disk": "warn"}


def test_a_full_disk_is_the_one_fault_with_and_without_a_daemon(home: RealHome, small_disk: Path) -> None:
    fill(small_disk)
    refused = home.run("send", "mac1", "does this fit?", check=False)
    assert refused.returncode in (0, 1)  # SQLite may have had room in its log
    assert failing(home) == ["disk"]
    assert "full" in home.doctor()["disk"]["says"]
    home.kill()
    assert failing(home) == ["disk"]
    (small_disk / "ballast").unlink()
    home.up()
    assert home.not_well() == {"disk": "warn"}


def test_a_read_only_disk_is_the_one_fault_with_and_without_a_daemon(home: RealHome, small_disk: Path) -> None:
    home.kill()
    remount(small_disk, "ro")
    assert failing(home) == ["disk"]
    assert "read-only" in home.doctor()["disk"]["says"]
    remount(small_disk, "rw")
    home.up()
    assert home.not_well() == {"disk": "warn"}
