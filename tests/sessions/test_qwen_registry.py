"""A session of Qwen Code is believed only when its process, its start, its owner and its socket are what it says."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from multifleet.sessions.processes import started_at
from multifleet.sessions.qwen_registry import QwenRegistry, boot_id, qwen_home
from tests.sessions.qwen_records import SESSION_ID, TOKEN, QwenRegistered


@pytest.fixture
def registered(tmp_path: Path) -> Iterator[QwenRegistered]:
    with QwenRegistered(tmp_path) as registered:
        yield registered


def test_a_live_session_is_found_with_what_its_inbox_wants(registered: QwenRegistered) -> None:
    registry = QwenRegistry(registered.home)
    found = registry.find()
    assert found.problems == ()
    (session,) = found.sessions
    assert (session.client, session.session_id, session.pid) == ("qwen", SESSION_ID, os.getpid())
    assert (session.proc_start, session.version, session.kind) == (started_at(os.getpid()), "0.24.4", "tui")
    assert (session.entrypoint, session.socket) == ("cli", registered.socket_path)
    assert registry.with_token(session) == (session, TOKEN)
    assert TOKEN not in repr(session)


@pytest.mark.parametrize(
    "changes",
    [
        {"procStart": f"{boot_id()}:1"},
        {"procStart": "another-boot:1"},
        {"pidNs": 1},
        {"pidNs": None},
        {"kind": "external"},
        {"ipcPath": "/nonexistent/1.sock"},
    ],
)
def test_a_session_that_is_over_or_not_of_here_is_passed_over_quietly(
    registered: QwenRegistered, changes: dict[str, Any]
) -> None:
    registered.write(**changes)
    found = QwenRegistry(registered.home).find()
    assert found.sessions == () and found.problems == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"schemaVersion": 2},
        {"schemaVersion": "1"},
        {"sessionId": "../../../etc"},
        {"sessionId": 7},
        {"cwd": "relative"},
        {"pid": 1},
        {"pid": str(os.getpid())},
        {"procStart": 7},
        {"procStart": "no-ticks"},
        {"ipcPath": "relative.sock"},
        {"ipcPath": "/etc/passwd"},
        {"ipcPath": "/tmp/" + "x" * 120},
    ],
)
def test_a_record_that_cannot_be_is_reported(registered: QwenRegistered, changes: dict[str, Any]) -> None:
    path = registered.write(**changes)
    found = QwenRegistry(registered.home).find()
    assert found.sessions == () and [problem.path for problem in found.problems] == [path]


def test_a_session_without_an_inbox_or_a_token_is_one(registered: QwenRegistered) -> None:
    registered.write(ipcPath=None, ipcToken="short", kind="HEADLESS!")
    registry = QwenRegistry(registered.home)
    (session,) = registry.find().sessions
    assert (session.socket, session.entrypoint, session.kind) == (None, "", "")
    assert registry.with_token(session) == (session, None)


def test_after_a_clear_the_same_process_has_another_conversation(registered: QwenRegistered) -> None:
    registry = QwenRegistry(registered.home)
    (session,) = registry.find().sessions
    registered.write(sessionId="another")
    now = registry.reread(session)
    assert now is not None and now.session_id == "another"
    assert registry.reread(replace(session, proc_start="1")) is None
    (registered.home / f"sessions/{os.getpid()}.json").unlink()
    assert registry.reread(session) is None


def test_of_several_conversations_of_a_process_the_same_one_is_read_again(registered: QwenRegistered) -> None:
    registered.write(f"{os.getpid()}-0a1b2c3d.json", sessionId="another")
    registered.write(f"{os.getpid()}-nothex00.json", sessionId="third")
    registry = QwenRegistry(registered.home)
    sessions = registry.find().sessions
    assert {session.session_id for session in sessions} == {SESSION_ID, "another"}
    assert all(registry.reread(session) == session for session in sessions)


def test_what_another_program_wrote_for_itself_is_read_once(
    registered: QwenRegistered, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = registered.write(f"{os.getpid()}-0a1b2c3d.json", kind="external")
    registry = QwenRegistry(registered.home)
    assert len(registry.find().sessions) == 1
    read: list[str] = []
    monkeypatch.setattr(
        "multifleet.sessions.qwen_registry.read_own_file",
        lambda path, limit: read.append(path.name) or path.read_bytes(),
    )
    assert len(registry.find().sessions) == 1 and path.name not in read
    path.unlink()
    assert len(registry.find().sessions) == 1
    registered.write(path.name, sessionId="another")
    assert len(registry.find().sessions) == 2 and path.name in read


def test_its_folder_is_the_users_or_the_named_one() -> None:
    assert qwen_home({"HOME": "/u"}) == Path("/u/.qwen")
    assert qwen_home({"HOME": "/u", "QWEN_HOME": "/q"}) == Path("/q")
    assert QwenRegistry(Path("/nonexistent")).find().sessions == ()
