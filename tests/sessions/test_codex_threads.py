"""Live threads of Codex are those whose lock is held, as their own file describes them."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multifleet.sessions import codex_threads
from multifleet.sessions.base import Status
from multifleet.sessions.codex_rollout import asks_nobody, codex_home, rollout_path
from multifleet.sessions.codex_threads import CodexThreads
from multifleet.sessions.processes import started_at
from tests.sessions.written_thread import THREAD, Written


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    written = Written(tmp_path / ".codex")
    yield written
    written.lock.close()


def test_a_thread_whose_lock_is_held_is_live(written: Written) -> None:
    (session,) = CodexThreads(written.home).find().sessions
    assert (session.client, session.session_id, session.cwd) == ("codex", THREAD, "/home/ada/api")
    assert (session.pid, session.proc_start) == (os.getpid(), started_at(os.getpid()))
    assert (session.version, session.entrypoint, session.transcript) == ("0.169.0", "cli", written.rollout)


@pytest.mark.parametrize("source, entrypoint", [("cli", "cli"), ("vscode", "cli"), ("exec", "exec")])
def test_a_thread_of_the_clients_own_daemon_has_a_person_before_it(
    written: Written, source: str, entrypoint: str
) -> None:
    written.rollout.write_text(written.rollout.read_text().replace('"cli"', f'"{source}"'))
    (session,) = CodexThreads(written.home).find().sessions
    assert session.entrypoint == entrypoint


def test_a_lock_that_nobody_holds_is_of_a_thread_that_was_killed(written: Written) -> None:
    threads = CodexThreads(written.home)
    assert threads.find().sessions
    fcntl.flock(written.lock, fcntl.LOCK_UN)
    assert threads.find().sessions == ()


def test_a_lock_that_the_system_passes_over_in_a_long_list_is_looked_for_again(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = "".join(f"{n}: FLOCK  ADVISORY  WRITE 4711 fd:00:{n} 0 EOF\n" for n in range(100))
    waits = "7: -> FLOCK  ADVISORY  WRITE 4711 fd:00:7 0 EOF\n7: FLOCK  ADVISORY  WRITE\n"
    ours = f"1: FLOCK  ADVISORY  WRITE {os.getpid()} fd:00:{os.fstat(written.lock.fileno()).st_ino} 0 EOF\n"
    for lists, found in (([others, others + waits + ours, others], 1), ([waits, ours], 0), ([others] * 3, 0)):
        told = iter(lists)
        monkeypatch.setattr(codex_threads, "_locks", lambda told=told: next(told))
        assert len(CodexThreads(written.home).find().sessions) == found


def test_without_a_file_or_with_one_of_another_thread_it_is_not_listed(written: Written) -> None:
    said = written.rollout.read_text()
    for content in ("", "{", said.replace(THREAD, "another"), said.replace('"cli"', '{"subagent": "review"}')):
        written.rollout.write_text(content)
        assert CodexThreads(written.home).find().sessions == ()
    written.rollout.unlink()
    assert CodexThreads(written.home).find().sessions == ()
    assert CodexThreads(written.home / "nothing").find().sessions == ()


def test_its_status_is_that_of_the_last_turn(written: Written) -> None:
    threads = CodexThreads(written.home)
    for kind, status in (
        ("token_count", Status.IDLE),
        ("task_started", Status.BUSY),
        ("agent_message", Status.BUSY),
        ("task_complete", Status.IDLE),
        ("task_started", Status.BUSY),
        ("turn_aborted", Status.IDLE),
    ):
        written.write("event_msg", type=kind)
        assert threads.find().sessions[0].status is status


def test_only_a_thread_that_has_somebody_to_ask_or_cannot_do_everything_is_woken(written: Written) -> None:
    assert asks_nobody(written.rollout), "not known before its first turn"
    for approval, sandbox, alone in (
        ("never", {"type": "danger-full-access"}, True),
        ("never", "danger-full-access", True),
        ("on-request", {"type": "danger-full-access"}, False),
        ("never", {"type": "workspace-write"}, False),
        ("never", {"type": "external-sandbox"}, True),
    ):
        written.write("turn_context", approval_policy=approval, sandbox_policy=sandbox)
        assert asks_nobody(written.rollout) is alone
    assert asks_nobody(written.home / "nothing")


RESTRICTED = {"type": "managed", "file_system": {"type": "restricted", "entries": []}, "network": "restricted"}


@pytest.mark.parametrize(
    "chosen, alone",
    [
        ({"approval_policy": "never", "permission_profile": {"type": "disabled"}}, True),
        ({"approval_policy": "on-request", "permission_profile": RESTRICTED}, False),
        ({"approval_policy": "never", "permission_profile": RESTRICTED}, False),
        ({"approval_policy": "never", "permission_profile": {"type": "managed", "file_system": None}}, True),
        ({"approval_policy": "never"}, True),
        ({}, True),
        (None, True),
    ],
)
def test_what_its_user_has_chosen_since_the_last_turn_decides(
    written: Written, chosen: dict[str, Any] | None, alone: bool
) -> None:
    sandbox = "workspace-write" if alone else "danger-full-access"
    turn = {"approval_policy": "never", "sandbox_policy": {"type": sandbox}}
    written.write("turn_context", **turn)
    assert asks_nobody(written.rollout) is not alone
    written.write("event_msg", type="thread_settings_applied", thread_settings=chosen)
    written.write("event_msg", type="agent_message", message='"thread_settings_applied"')
    assert asks_nobody(written.rollout) is alone
    written.write("turn_context", **turn)
    assert asks_nobody(written.rollout) is not alone


@pytest.mark.parametrize("id", ["", "../x", "0" * 36, "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5"])
def test_what_is_no_thread_has_no_file(written: Written, id: str) -> None:
    assert rollout_path(written.home, id) is None


def test_its_folder_is_the_environments_or_the_users() -> None:
    assert codex_home({"CODEX_HOME": "/x"}) == Path("/x")
    assert codex_home({"HOME": "/home/ada"}) == Path("/home/ada/.codex")
