"""What a session of Gemini CLI does, by the last records of its file; what is odd is not known."""

import json
from pathlib import Path
from typing import Any

import pytest

from multifleet.sessions.base import Status
from multifleet.sessions.gemini_chat import GeminiChats, is_chat

BEGINS = {"$set": {"messages": [{"type": "user", "content": []}], "lastUpdated": "2026-11-21T22:53:19.463Z"}}
NOTED = {"$set": {"lastUpdated": "2026-11-21T22:53:19.463Z"}}
PROMPT = {"id": "1", "type": "user", "content": [{"text": "good morning"}]}
MODEL = {"id": "2", "type": "gemini", "content": "done", "model": "gemini-2.5-pro"}
CALLED = MODEL | {"toolCalls": [{"name": "run_shell_command"}]}
FAILED = {"id": "3", "type": "error", "content": "[API Error]"}


@pytest.mark.parametrize(
    "records, status",
    [
        ([{"sessionId": "s", "kind": "main"}, BEGINS], Status.IDLE),
        ([BEGINS, PROMPT, NOTED], Status.BUSY),
        ([BEGINS, PROMPT, CALLED, NOTED], Status.BUSY),
        ([BEGINS, PROMPT, MODEL, NOTED], Status.IDLE),
        ([BEGINS, PROMPT, BEGINS, FAILED], Status.IDLE),
        ([["odd"], {"type": 5}, {"$set": 5}], Status.UNKNOWN),
    ],
)
def test_what_the_last_records_say(tmp_path: Path, records: list[Any], status: Status) -> None:
    file = tmp_path / "session-2026-11-21T22-53-0649e0e7.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert GeminiChats().status(file) == (status, file.stat().st_mtime)


def test_it_is_read_again_when_it_grew_and_forgotten_when_it_is_gone(tmp_path: Path) -> None:
    chats, file = GeminiChats(), tmp_path / "session-1.jsonl"
    assert chats.status(file) == (Status.UNKNOWN, 0.0)
    file.write_text(json.dumps(PROMPT) + "\n")
    assert chats.status(file)[0] is Status.BUSY
    with file.open("a") as more:
        more.write(json.dumps(MODEL) + "\n")
    assert chats.status(file)[0] is Status.IDLE
    chats.keep(set())
    file.unlink()
    file.symlink_to("/dev/zero")
    assert chats.status(file)[0] is Status.UNKNOWN


@pytest.mark.parametrize(
    "path, told",
    [
        ("/home/ada/.gemini/tmp/api/chats/session-2026-11-21T22-53-0649e0e7.jsonl", True),
        ("session-2026-11-21T22-53-0649e0e7.jsonl", False),
        ("/home/ada/.ssh/id_ed25519", False),
        ("/home/ada/session-1.jsonl\n", False),
    ],
)
def test_which_paths_are_believed(path: str, told: bool) -> None:
    assert is_chat(path) is told
