"""A thread of Codex that is none: its files as the client leaves them, and its lock held by this process."""

import fcntl
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from multifleet.sessions.codex_threads import LOCKS

NOW = int(time.time() * 1000)
THREAD = f"{NOW:012x}"[:8] + "-" + f"{NOW:012x}"[8:] + "-7abc-8def-0123456789ab"


class Written:
    """A thread as Codex leaves it on disk, its lock held by this process."""

    def __init__(self, home: Path, cwd: str = "/home/ada/api") -> None:
        self.home = home
        folder = home / "sessions" / datetime.now(UTC).strftime("%Y/%m/%d")
        folder.mkdir(parents=True)
        (home / LOCKS).mkdir()
        self.rollout = folder / f"rollout-2026-11-20T10-00-00-{THREAD}.jsonl"
        self.lock: IO[str] = (home / LOCKS / f"{THREAD}.lock").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.write("session_meta", id=THREAD, cwd=cwd, cli_version="0.169.0", source="cli")

    def write(self, kind: str, **payload: Any) -> None:
        with self.rollout.open("a") as file:
            file.write(json.dumps({"type": kind, "payload": payload}) + "\n")
