"""Whether a turn of Qwen Code runs, by what it wrote down and by whether it speaks to anybody."""

import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from multifleet.sessions.base import Status
from multifleet.sessions.processes import is_connected
from multifleet.sessions.qwen_chat import LONG, QUIET, QwenChats, keeps_chats

BEGAN, THEN = 1_800_000_000.0, 1_800_000_007.5
CALL: dict[str, Any] = {"functionCall": {"name": "run_shell_command"}}


def record(type: str, *parts: dict[str, Any], at: float = THEN, **more: Any) -> dict[str, Any]:
    moment = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return {"type": type, "timestamp": moment, "message": {"parts": list(parts)}, **more}


PROMPT = record("user", {"text": "go on"}, at=BEGAN)
CALLED = record("assistant", CALL)
SAID = record("assistant", {"text": "done"})
RESULT = record("tool_result", {"functionResponse": {}}, toolCallResult={"status": "success"})
BROKEN_OFF = record("tool_result", {"functionResponse": {}}, toolCallResult={"status": "cancelled"})
MEANWHILE = record("user", {"text": "and"}, subtype="mid_turn_user_message")
NOTED = record("system", subtype="ui_telemetry")


@pytest.mark.parametrize(
    ("records", "status", "since"),
    [
        ([PROMPT], Status.BUSY, BEGAN),
        ([PROMPT, NOTED], Status.BUSY, BEGAN),
        ([PROMPT, CALLED], Status.BUSY, BEGAN),
        ([PROMPT, CALLED, RESULT], Status.BUSY, BEGAN),
        ([PROMPT, CALLED, RESULT, MEANWHILE], Status.BUSY, BEGAN),
        ([PROMPT, SAID], Status.IDLE, THEN),
        ([PROMPT, CALLED, RESULT, SAID, NOTED], Status.IDLE, THEN),
        ([PROMPT, CALLED, BROKEN_OFF], Status.IDLE, THEN),
        ([PROMPT, CALLED, record("assistant", {"text": "of a helper"}, isSidechain=True)], Status.BUSY, BEGAN),
        ([RESULT], Status.BUSY, 0.0),
        ([NOTED], Status.UNKNOWN, 0.0),
        ([], Status.UNKNOWN, 0.0),
        ([[1], "two", record("assistant") | {"message": 3, "timestamp": "long ago"}], Status.IDLE, 0.0),
    ],
)
def test_the_last_records_say_it(tmp_path: Path, records: list[Any], status: Status, since: float) -> None:
    path = written(tmp_path, records)
    found = os.lstat(path).st_mtime
    assert QwenChats(lambda: found, lambda pid: False).status(path, 1) == (status, since, found)


@pytest.mark.parametrize(
    ("later", "connected", "status"),
    [
        (QUIET - 1, False, Status.BUSY),
        (QUIET + 1, True, Status.BUSY),
        (QUIET + 1, False, Status.IDLE),
        (QUIET + 1, None, Status.UNKNOWN),
        (LONG + 1, True, Status.UNKNOWN),
    ],
)
def test_what_waits_for_a_model_that_nobody_asks_was_broken_off(
    tmp_path: Path, later: float, connected: bool | None, status: Status
) -> None:
    path = written(tmp_path, [PROMPT])
    chats = QwenChats(lambda: os.lstat(path).st_mtime + later, lambda pid: connected)
    assert chats.status(path, 1)[0] is status
    path.write_text(json.dumps(PROMPT) + "\n" + json.dumps(CALLED) + "\n")
    assert chats.status(path, 1)[0] is Status.BUSY, "a tool may run for long, and its user be asked"
    path.unlink()
    assert chats.status(path, 1) == (Status.UNKNOWN, 0.0, 0.0)


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, [PROMPT, SAID])
    chats = QwenChats()
    assert chats.status(path, 1)[0] is Status.IDLE
    monkeypatch.setattr("multifleet.sessions.qwen_chat.turn_of", None)
    assert chats.status(path, 1)[0] is Status.IDLE


@pytest.mark.parametrize(
    ("settings", "keeps"),
    [
        (None, True),
        ("{}", True),
        ('{"general": {"chatRecording": true}}', True),
        ('{"general": {"chatRecording": false}}', False),
        ('{"general": 1}', False),
        ("[]", False),
        ("// no JSON", False),
    ],
)
@pytest.mark.parametrize("place", ["settings.json", "project/.qwen/settings.json"])
def test_settings_say_whether_anything_is_written_down(
    tmp_path: Path, place: str, settings: str | None, keeps: bool
) -> None:
    if settings is not None:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(settings)
    assert keeps_chats(tmp_path, str(tmp_path / "project"), os.getpid()) is keeps


def test_whether_a_process_has_a_connection_says_the_kernel() -> None:
    assert is_connected(2**22 + 1) is None
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        assert is_connected(os.getpid()) is True


def written(folder: Path, records: list[Any]) -> Path:
    path = folder / "chat.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path
