"""A program in the place where a hook looks for ours."""

from pathlib import Path


def program(root: Path, script: str) -> None:
    (root / "bin").mkdir()
    (root / "bin/multifleet").write_text(f"#!/bin/sh\n{script}\n")
    (root / "bin/multifleet").chmod(0o755)
    (root / ".venv").mkdir()
    (root / ".venv/made-from").touch()
