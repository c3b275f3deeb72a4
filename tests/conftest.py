"""What all tests share: which of them this machine can run."""

import gc
import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

from tests.lab.client_install import find_claude, find_others
from tests.lab.tools import missing_tools
from tests.node.sleep.system_bus import lacks as bus_lacks

PHASES = ("lab", "real_claude", "real_clients", "beside_one", "alone")
"""The marks by which bin/test looks for files."""


settings.register_profile("exploring", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("MULTIFLEET_TEST_REQUIRE") else "exploring")
"""No example has a deadline, which would be the machine's. In CI the same examples come each time (hypothesis calls it
`ci`): what a change broke is red, and new examples are looked for wherever else the tests run."""


def pytest_collection_finish() -> None:
    """Seven thousand tests stay as long as the process: the collector would look at all of them again and again."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine has no tools for; with MULTIFLEET_TEST_REQUIRE that is an error."""
    say_where_marks_are_written(items)
    lacking = {"lab": lab_lacks(), "real_claude": client_lacks(), "real_clients": others_lack()}
    if any(item.get_closest_marker("system_bus") for item in items):
        lacking["system_bus"] = f"the system bus needs {missing}" if (missing := bus_lacks()) else ""
    left_out = [
        item
        for item in items
        if any(reason and item.get_closest_marker(mark) for mark, reason in lacking.items())
    ]
    if not left_out:
        return
    reasons = "; ".join(sorted({reason for reason in lacking.values() if reason}))
    if os.environ.get("MULTIFLEET_TEST_REQUIRE"):
        raise pytest.UsageError(f"{len(left_out)} tests cannot run here: {reasons}")
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def say_where_marks_are_written(items: list[pytest.Item]) -> None:
    """UsageError for a test that has the mark of a phase from elsewhere than its file: bin/test would not find it."""
    marked = {(item.path, mark) for item in items for mark in PHASES if item.get_closest_marker(mark)}
    if missed := sorted(f"{path}: mark.{mark}" for path, mark in marked if f"mark.{mark}" not in path.read_text()):
        raise pytest.UsageError(f"a mark that bin/test does not find: {', '.join(missed)}")


def lab_lacks() -> str:
    """Why there can be no lab here; empty when there can."""
    if os.name != "posix" or os.geteuid():
        return "the lab needs root"
    missing = missing_tools()
    return f"the lab needs {' '.join(sorted(set(missing.values())))}" if missing else ""


def client_lacks() -> str:
    """Why the real client cannot run here; empty when it can."""
    if shutil.which("tmux") is None:
        return "the real client needs tmux"
    return "" if find_claude() else "the real client needs npm, or CLAUDE_BIN"


def others_lack() -> str:
    """The same for Codex, Gemini CLI and Qwen Code."""
    if shutil.which("tmux") is None:
        return "the real clients need tmux"
    return "" if find_others() else "the real clients need npm"
