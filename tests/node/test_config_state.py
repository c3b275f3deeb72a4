"""What a daemon says of its own configuration while it runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from multifleet.node.checks.config import usable
from multifleet.node.config_state import ConfigState
from multifleet.node.setup import init
from tests.node.served import Daemons


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def write(home: Path, **values: Any) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "config.json").write_text(json.dumps({"keys": "file", **values}))


async def test_a_changed_file_is_told_by_its_keys_until_it_says_the_same_again(home: Path) -> None:
    write(home, port=9000)
    state = ConfigState(init(home, "mac1")[0])
    assert await state.words() == ()
    write(home, port=9001, git={"every": 5})
    words = "config.json was changed since the daemon started (port, git), and counts from its next start"
    assert await state.words() == (f"{words}: multifleet down, then multifleet up",)
    found = usable(home, state.changed)
    assert (found.level, found.says, found.remedy) == ("warn", words, "multifleet down, then multifleet up")
    write(home, _comment="the same in other words", port=9000)
    assert await state.words() == ()


async def test_a_file_that_no_daemon_could_start_with_is_told_while_the_daemon_goes_on(home: Path) -> None:
    write(home)
    state = ConfigState(init(home, "mac1")[0])
    write(home, prot=9000)
    (words,) = await state.words()
    assert "none could start with it" in words and "prot is no setting: did you mean port?" in words
    assert words.endswith("; this daemon goes on with what it has read: mend the file before it is started again")
    (home / "config.json").write_text("")
    (words,) = await state.words()
    assert "it is empty: write its settings into it again" in words and "multifleet down" not in words


async def test_a_projects_file_counts_as_well(home: Path) -> None:
    project = home.parent / ".multifleet"
    write(project, chief={"nodeId": "mac1"})
    write(home)
    state = ConfigState(init(home, "mac1")[0])
    write(project, chief={"nodeId": "mac2"})
    (words,) = await state.words()
    assert "(chief)" in words


async def test_values_of_no_use_are_told_all_the_while(home: Path) -> None:
    write(home, git={"remote": str(home / "none.git")}, nodes={"mac2": {"role": "boss"}})
    state = ConfigState(init(home, "mac1")[0])
    role, remote = await state.words()
    assert role.startswith("nodes.mac2.role is") and remote.startswith("git.remote: ")


async def test_the_doctor_and_the_status_of_a_running_node_tell_both(daemons: Daemons) -> None:
    mac1 = daemons.new("mac1", cloud={"routine": "http://cloud.example/fire"})
    await mac1.up()
    mac1.configure(port=mac1.port, channels={"off": ["git"]})
    routine, changed = (await mac1.node.status()).settings
    assert routine.startswith("cloud.routine is") and "(port, channels, cloud)" in changed
    config, settings = (await mac1.node.doctor(["config"])).checks + (await mac1.node.doctor(["settings"])).checks
    assert (config.level, settings.level) == ("warn", "ok")  # a start now would read the one, and mend the other
    mac1.configure(port=mac1.port, git={"remote": "x"}, nodes={"mac2": {"role": "boss"}})
    (settings,) = (await mac1.node.doctor(["settings"])).checks
    assert settings.level == "fail" and "git.remote must be" in settings.says and "nodes.mac2.role" in settings.says
    assert "docs/git.md" in settings.says and "chief, captain or worker" in settings.says and settings.remedy
