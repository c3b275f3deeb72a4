"""Says which tools that some tests need are missing, what brings them, and which tests wait for them.

Fails instead when MULTIFLEET_TEST_REQUIRE=1, as in CI, where nothing may be skipped.
"""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.lab.client_install import find_claude, find_others
from tests.lab.tools import missing_tools
from tests.node.sleep import system_bus


def main() -> int:
    """The exit status: 1 when something is missing and nothing may be."""
    missing = dict(missing_tools())
    if shutil.which("tmux") is None:
        missing["tmux"] = "tmux"
    if shutil.which("cc") is None:
        missing["cc"] = "gcc"
    notes = []
    if missing:
        packages = " ".join(sorted(set(missing.values())))
        notes.append(f"no {', '.join(sorted(missing))}: apt-get install {packages}")
    if os.geteuid():
        notes.append("not root: hosts are made of Linux namespaces")
    if find_claude() is None:
        notes.append("no Claude Code client, and no npm to install it: put npm on PATH or set CLAUDE_BIN")
    if find_others() is None:
        notes.append("no npm to install Codex, Gemini CLI and Qwen Code: put npm on PATH")
    notes = [f"tests in the lab are left out: {note}" for note in notes]
    if packages := system_bus.lacks():
        notes.append(f"tests of sleep on the system bus are left out: apt-get install {packages}")
    if shutil.which("systemd-analyze") is None:
        notes.append("the test that systemd reads our unit is left out: apt-get install systemd")
    for note in notes:
        print(note, file=sys.stderr)
    return 1 if notes and os.environ.get("MULTIFLEET_TEST_REQUIRE") else 0


if __name__ == "__main__":
    sys.exit(main())
