"""What must be installed."""

import re
import tomllib
from pathlib import Path

from multifleet.node.checks.dependencies import LIBRARIES, PYTHON, present
from multifleet.node.checks.finding import Level

PROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


def test_the_libraries_are_those_of_the_project() -> None:
    project = tomllib.loads(PROJECT.read_text())["project"]
    wanted = {}
    for line in project["dependencies"]:
        match = re.match(r"([a-z-]+)>=([0-9.]+)", line)
        assert match, line
        wanted[match[1]] = tuple(int(part) for part in match[2].split("."))
    assert wanted == LIBRARIES
    assert project["requires-python"] == f">={PYTHON[0]}.{PYTHON[1]}"


def test_here_they_are_all_present() -> None:
    assert present().level is Level.OK


def test_one_that_is_missing_or_too_old_is_named() -> None:
    found = present({"no-such-library": (1,), "msgspec": (999, 1)})
    assert found.level is Level.FAIL
    assert "no-such-library is missing" in found.says
    assert "older than 999.1" in found.says
    assert found.remedy
