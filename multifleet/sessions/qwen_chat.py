"""Finds the file in which Qwen Code keeps a conversation. What it proves is decided in core/qwen_chat.py."""

import os
from pathlib import Path

from multifleet.sessions.claude_transcript import folder_name

MOST_FOLDERS = 10_000


def chat_path(home: Path, cwd: str, session_id: str) -> Path:
    """Where the conversation's file lies, or will lie once it has a first record."""
    return home / "projects" / folder_name(cwd) / "chats" / f"{session_id}.jsonl"


def is_chat(path: str, session_id: str) -> bool:
    """Whether this may be the file of that conversation, by its name alone."""
    return os.path.isabs(path) and path.endswith(f"/chats/{session_id}.jsonl")


def find_chat(home: Path, session_id: str) -> Path | None:
    """The file of a conversation, wherever it was begun; None where there is none (yet)."""
    try:
        with os.scandir(home / "projects") as entries:
            folders = sorted(one.name for one, _ in zip(entries, range(MOST_FOLDERS), strict=False))
    except OSError:
        return None
    paths = (home / "projects" / folder / "chats" / f"{session_id}.jsonl" for folder in folders)
    return next((path for path in paths if os.path.lexists(path)), None)
