"""The repair agent runs only where the user has turned it on; the agent is a script here."""

import os
import select
import sys
from pathlib import Path

import pytest

from multifleet.cli import repair_agent
from multifleet.cli.local_repair import repair
from multifleet.cli.shape import Failed
from tests.surfaces import ROOT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, and a `claude` that notes how it was called and leaves a child behind."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("MULTIFLEET_HOME", str(home))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = tmp_path / "claude"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/argv\npwd > {tmp_path}/cwd\ncat > {tmp_path}/stdin\n'
        f"sleep 600 >/dev/null &\necho $! > {tmp_path}/child\necho $MULTIFLEET_FENCED > {tmp_path}/fenced\n"
        "echo all is well\n"
    )
    program.chmod(0o755)
    return home


def has_ended(pid: int) -> bool:
    """Whether a process that was killed is gone, within seconds."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([process], [], [], 20)
    os.close(process)
    return bool(ended)


def test_nothing_is_run_unless_it_was_turned_on(home: Path) -> None:
    made = repair("agent")
    assert not made.acted and "repairAgent" in made.words
    assert not (home.parent / "argv").exists()


def test_it_gets_a_fixed_brief_few_commands_an_empty_folder_and_leaves_no_process(home: Path) -> None:
    (home / "config.json").write_text('{"repairAgent": true}')
    made = repair("agent")
    assert made.acted and made.words == "the repair agent says: all is well"
    assert (home.parent / "stdin").read_text() == repair_agent.BRIEF
    assert (home.parent / "cwd").read_text().strip() == str(home / "repair-agent")
    argv = (home.parent / "argv").read_text().splitlines()
    assert argv[:3] == ["-p", "--output-format", "text"]
    assert argv[3:8] == ["--setting-sources", "", "--strict-mcp-config", "--tools", "Bash"]
    assert argv[8] == "--allowedTools"
    assert all(word.startswith("Bash(multifleet ") for word in argv[9:])
    assert (home.parent / "fenced").read_text().strip() == "1"
    child = int((home.parent / "child").read_text())
    assert has_ended(child)


def test_the_repair_that_its_brief_names_is_its_own_to_make_and_no_second_agent_begins(home: Path) -> None:
    (home / "config.json").write_text('{"repairAgent": true}')
    (home.parent / "claude").write_text(
        "#!/bin/sh\ncat >/dev/null\n"
        f"PYTHONPATH={ROOT} exec {sys.executable} -c 'from multifleet.cli.local_repair import repair\n"
        'print(repair("daemon").words)\ntry: repair("agent")\nexcept Exception as error: print(error)\'\n'
    )
    said = repair("agent").words
    assert "no daemon runs, and none was left by a crash" in said
    assert "a repair agent is at work here" in said


def test_one_that_does_not_end_is_ended(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config.json").write_text('{"repairAgent": true}')
    (home.parent / "claude").write_text("#!/bin/sh\nsleep 600\n")
    monkeypatch.setattr(repair_agent, "SECONDS", 0.2)
    with pytest.raises(Failed, match="did not end"):
        repair("agent")
