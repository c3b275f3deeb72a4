"""Our plugin's folder as a client finds it, with a program that is this tree's command line."""

import contextlib
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def plugin_in(home: Path) -> Path:
    """The folder, made there if it is not there yet."""
    root = home / "plugin"
    (root / "bin").mkdir(parents=True, exist_ok=True)
    (root / ".venv").mkdir(exist_ok=True)
    (root / ".venv/made-from").touch()
    start = f"PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m multifleet"
    (root / "bin/multifleet").write_text(f'#!/bin/sh\n{start} "$@"\n')
    (root / "bin/multifleet").chmod(0o755)
    with contextlib.suppress(FileExistsError):
        (root / "hooks").symlink_to(ROOT / "hooks")
    return root
