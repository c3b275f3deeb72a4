"""Runs the demo as a person does, in a temporary folder of the test's, and looks what it leaves behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def demo(folder: Path, *words: str, client: str | None = None) -> Iterator["subprocess.Popen[str]"]:
    """The demo's process; without a client, none is found on its PATH."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder),
    } | ({"CLAUDE_BIN": client} if client else {})
    with subprocess.Popen(
        [sys.executable, "-m", "multifleet", "demo", *words],
        cwd=folder,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def left_behind(folder: Path) -> list[str]:
    """Files of the demo, and processes that were given its folder."""
    found = [str(path) for path in folder.glob("mf-*")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "environ").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue  # it ended, or is another user's
        if os.fsencode(folder / "mf-") in words and state != "Z":
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
