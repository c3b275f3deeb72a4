"""A session is believed only when its process, its start, its owner and its socket are what the record says."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multifleet.sessions.base import Status
from multifleet.sessions.claude_registry import ClaudeRegistry, config_dir, is_running
from multifleet.sessions.processes import started_at
from tests.sessions.records import SESSION_ID, Registered


@pytest.fixture
def registered(tmp_path: Path) -> Iterator[Registered]:
    with Registered(tmp_path) as registered:
        yield registered


def test_a_live_session_is_found(registered: Registered) -> None:
    found = ClaudeRegistry(registered.config).find()
    assert found.problems == ()
    (session,) = found.sessions
    assert (session.session_id, session.pid, session.cwd) == (SESSION_ID, os.getpid(), "/home/fleet/api")
    assert (session.status, session.name, session.kind) == (Status.IDLE, "api-worker", "interactive")
    assert session.socket == registered.socket_path
    assert session.transcript == registered.config / f"projects/-home-fleet-api/{SESSION_ID}.jsonl"
    assert (session.started_at, session.active_at) == (1_795_215_262.589, 1_795_215_262.687)
    assert is_running(session)


@pytest.mark.parametrize(
    "changes",
    [
        {"procStart": "1"},
        {"pidDomain": "linux:elsewhere:pid:[1]"},
        {"pidDomain": "multifleet:fleet"},
        {"spare": True},
        {"messagingSocketPath": "/nonexistent/1.sock"},
    ],
)
def test_a_session_that_is_over_or_not_of_here_is_passed_over_quietly(
    registered: Registered, changes: dict[str, Any]
) -> None:
    registered.write(**changes)
    found = ClaudeRegistry(registered.config).find()
    assert found.sessions == () and found.problems == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"sessionId": "../../../etc"},
        {"sessionId": SESSION_ID.upper()},
        {"sessionId": SESSION_ID + "\n"},
        {"sessionId": 7},
        {"cwd": "relative"},
        {"cwd": "/nul\0"},
        {"cwd": "/lone\ud800"},
        {"cwd": ["/x"]},
        {"pid": 1},
        {"pid": "1"},
        {"pid": True},
        {"pid": -1},
        {"messagingSocketPath": "relative.sock"},
        {"messagingSocketPath": "/" + "x" * 200},
        {"messagingSocketPath": "/etc/passwd"},
        {"messagingSocketPath": 5},
    ],
)
def test_a_malformed_record_is_reported_and_raises_nothing(registered: Registered, changes: dict[str, Any]) -> None:
    registered.write(**changes)
    found = ClaudeRegistry(registered.config).find()
    assert found.sessions == ()
    assert [problem.path for problem in found.problems] == [registered.path]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 60_000, b'{"pid":' + b"9" * 5000 + b"}", b" " * 70_000],
)
def test_a_file_that_is_no_record_is_reported(registered: Registered, content: bytes) -> None:
    registered.path.write_bytes(content)
    found = ClaudeRegistry(registered.config).find()
    assert found.sessions == () and len(found.problems) == 1


def test_strange_members_do_not_matter(registered: Registered) -> None:
    registered.write(
        status="dancing", name=["x"], startedAt="soon", updatedAt=-4, version=None, waitingFor={}, new={"a": 1}
    )
    (session,) = ClaudeRegistry(registered.config).find().sessions
    assert (session.status, session.name, session.started_at, session.version) == (Status.UNKNOWN, "", 0.0, "")


@pytest.mark.parametrize("kind", ["symlink", "fifo", "folder", "broken symlink"])
def test_what_is_planted_in_a_records_place_is_not_followed_and_never_blocks(
    registered: Registered, tmp_path: Path, kind: str
) -> None:
    content = registered.path.read_bytes()
    registered.path.unlink()
    target = tmp_path / "target.json"
    target.write_bytes(content)
    if kind == "fifo":
        os.mkfifo(registered.path)
    elif kind == "folder":
        registered.path.mkdir()
    else:
        registered.path.symlink_to(target if kind == "symlink" else tmp_path / "nothing")
    found = ClaudeRegistry(registered.config).find()
    assert found.sessions == ()
    assert len(found.problems) == 1


def test_a_socket_that_refuses_is_stale(registered: Registered) -> None:
    registered.listener.close()
    assert ClaudeRegistry(registered.config).find().sessions == ()


def test_a_socket_is_asked_once_and_again_when_it_is_another_one(registered: Registered) -> None:
    registry = ClaudeRegistry(registered.config)
    for _ in range(3):
        assert registry.find().sessions
    registered.listener.setblocking(False)
    registered.listener.accept()[0].close()
    with pytest.raises(BlockingIOError):
        registered.listener.accept()
    registered.listener.close()
    registered.socket_path.unlink()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(registered.socket_path))
    assert registry.find().sessions == ()


def test_a_process_that_is_gone_is_stale(registered: Registered) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        path = registered.path.with_name(f"{child.pid}.json")
        record = {key: value for key, value in registered.record.items() if key != "procStart"}
        path.write_text(json.dumps({**record, "pid": child.pid}))
        pids = {session.pid for session in ClaudeRegistry(registered.config).find().sessions}
        assert pids == {os.getpid(), child.pid}
        session = next(s for s in ClaudeRegistry(registered.config).find().sessions if s.pid == child.pid)
        child.communicate(b"\n")
    assert not is_running(session)
    assert ClaudeRegistry(registered.config).reread(session) is None
    assert {s.pid for s in ClaudeRegistry(registered.config).find().sessions} == {os.getpid()}


def test_a_session_whose_process_is_gone_and_whose_record_is_not_was_killed(registered: Registered) -> None:
    registry = ClaudeRegistry(registered.config)
    killed = "00000000-1111-4222-8333-444444444444"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        path = registered.path.with_name(f"{child.pid}.json")
        start = started_at(child.pid)
        path.write_text(json.dumps({**registered.record, "pid": child.pid, "procStart": start, "sessionId": killed}))
        assert not registry.was_killed(killed), "it runs"
        child.kill()
        child.wait()
    assert registry.was_killed(killed) and not registry.was_killed(SESSION_ID)
    path.unlink()
    assert not registry.was_killed(killed)


def test_a_session_read_again_may_have_another_conversation(registered: Registered) -> None:
    registry = ClaudeRegistry(registered.config)
    (session,) = registry.find().sessions
    other = "00000000-1111-4222-8333-444444444444"
    registered.write(sessionId=other, status="busy")
    now = registry.reread(session)
    assert now is not None and (now.session_id, now.status) == (other, Status.BUSY)
    registered.path.write_text("{")
    assert registry.reread(session) is None


def test_no_client_is_no_problem(tmp_path: Path) -> None:
    found = ClaudeRegistry(tmp_path / "nothing").find()
    assert found.sessions == () and found.problems == ()


def test_the_configuration_folder_is_the_clients_own(tmp_path: Path) -> None:
    assert config_dir({"HOME": "/home/fleet"}) == Path("/home/fleet/.claude")
    assert config_dir({"HOME": "/home/fleet", "CLAUDE_CONFIG_DIR": "/srv/claude"}) == Path("/srv/claude")


@pytest.mark.parametrize(
    ("content", "known"),
    [
        ({"projects": {"{here}": {}, "/nonexistent": {}, "relative": {}, "/nul\0": {}}}, ["{here}"]),
        ({"projects": None}, []),
        ({}, []),
        ([], []),
    ],
)
def test_the_projects_that_were_opened_are_known(tmp_path: Path, content: Any, known: list[str]) -> None:
    text = json.dumps(content).replace("{here}", str(tmp_path))
    (tmp_path / ".claude.json").write_text(text)
    wanted = tuple(Path(name.replace("{here}", str(tmp_path))) for name in known)
    assert ClaudeRegistry(tmp_path / ".claude").known_projects() == wanted
