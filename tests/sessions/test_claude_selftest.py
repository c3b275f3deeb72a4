"""The self-test finds that the real client works, and names what fails with a program that is not one."""

import time
from pathlib import Path

import pytest

from multifleet.sessions.claude_selftest import FACTS, TRUSTED, claude_version, find_claude, self_test
from multifleet.sessions.processes import started_at
from tests.lab.client_install import claude_program


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.real_claude
async def test_the_real_client_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "must-not-go-in")
    found = await self_test(Path(claude_program()))
    assert (found.ok, found.failed, found.detail) == (True, (), "everything holds")
    assert found.version in TRUSTED


@pytest.mark.parametrize("script", ["exit 1", "echo '9.9.9 (Claude Code)'"])
async def test_a_program_that_ends_is_no_client_and_is_given_nothing_of_the_users(tmp_path: Path, script: str) -> None:
    binary = program(tmp_path / "claude", f"echo $$ >> {tmp_path}/pids; env > {tmp_path}/env; {script}")
    began = time.monotonic()
    found = await self_test(binary)
    assert not found.ok and found.failed == tuple(FACTS)
    assert "the client registers its session with an inbox" in found.detail
    assert time.monotonic() - began < 20.0
    assert [started_at(int(pid)) for pid in (tmp_path / "pids").read_text().split()] == [None, None]
    assert str(Path.home()) not in (tmp_path / "env").read_text()


@pytest.mark.parametrize("script", ["echo 9.9.9; sleep 60", "trap '' TERM; echo 9.9.9; sleep 60 & wait"])
async def test_a_program_that_only_runs_is_given_up_in_time_and_leaves_nothing(tmp_path: Path, script: str) -> None:
    binary = program(tmp_path / "claude", f"echo $$ >> {tmp_path}/pids; {script}")
    (tmp_path / "pids").touch()  # where all processors are busy, it may be ended before it did anything
    began = time.monotonic()
    found = await self_test(binary, timeout=0.5)
    assert not found.ok and found.failed == tuple(FACTS)
    assert time.monotonic() - began < 20.0
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) <= 2 and all(started_at(int(pid)) is None for pid in pids)


async def test_a_file_that_cannot_be_run_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "claude").write_text("x")
    found = await self_test(tmp_path / "claude")
    assert not found.ok and "cannot be run" in found.detail
    assert not (await self_test(tmp_path / "none")).ok


async def test_the_version_is_what_the_program_says(tmp_path: Path) -> None:
    assert await claude_version(program(tmp_path / "a", "echo '2.1.329 (Claude Code)'")) == "2.1.329"
    assert await claude_version(program(tmp_path / "b", "echo hello")) is None


def test_the_client_is_found_on_the_path_and_where_its_installer_puts_it(tmp_path: Path) -> None:
    assert find_claude({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}) is None
    own = program(tmp_path / ".local/bin/claude", "")
    assert find_claude({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}) == own
    first = program(tmp_path / "bin/claude", "")
    assert find_claude({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}) == first
