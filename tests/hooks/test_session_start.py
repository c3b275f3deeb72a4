"""The script of a session's start gives the event to the program, and a session starts whatever becomes of that."""

import subprocess
from pathlib import Path

import pytest

from tests.hooks.programs import program

ROOT = Path(__file__).resolve().parents[2]


def session_start(shell: list[str], root: Path, given: str = "{}") -> tuple[int, str, str]:
    command = [*shell, str(ROOT / "hooks/session-start.sh"), str(root)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(root)}
    done = subprocess.run(command, input=given, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_the_start_of_a_session_goes_to_the_program_as_it_came(shell: list[str], tmp_path: Path) -> None:
    root = tmp_path / "a folder"
    root.mkdir()
    program(root, 'echo "$*"; cat')
    event = '{"source":"startup","x":"$(id) `id` \\\\ %s"}'
    assert session_start(shell, root, event) == (0, f"hook session-start\n{event}", "")


def test_the_program_is_told_which_client_it_is(shell: list[str], tmp_path: Path) -> None:
    program(tmp_path, 'echo "client:$MULTIFLEET_CLIENT"')
    command = [*shell, str(ROOT / "hooks/session-start.sh"), str(tmp_path)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "MULTIFLEET_CLIENT": "gemini"}
    for words, client in (["codex"], "codex"), ([], ""):
        done = subprocess.run([*command, *words], input="{}", env=environment, capture_output=True, text=True)
        assert done.stdout == f"client:{client}\n"


def test_an_extension_that_was_copied_alone_finds_the_program_on_the_path(shell: list[str], tmp_path: Path) -> None:
    program(tmp_path, 'echo "$*"; cat')
    command = [*shell, str(ROOT / "hooks/session-start.sh"), str(tmp_path / "extension"), "gemini"]
    for path, said in ((f"{tmp_path}/bin:/usr/bin:/bin", "hook session-start\n{}"), ("/usr/bin:/bin", "")):
        environment = {"PATH": path, "HOME": str(tmp_path)}
        done = subprocess.run(command, input="{}", env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, said)


@pytest.mark.parametrize("script", ["exit 2", "echo broken >&2; exit 1", "kill -9 $$"])
def test_whatever_the_program_does_the_session_starts(shell: list[str], tmp_path: Path, script: str) -> None:
    program(tmp_path, script)
    code, output, said = session_start(shell, tmp_path)
    assert (code, output) == (0, "") and "broken" not in said


def test_without_the_program_or_its_environment_the_session_starts(shell: list[str], tmp_path: Path) -> None:
    assert session_start(shell, tmp_path) == (0, "", "")
    program(tmp_path, "echo it was run")
    assert "it was run" in session_start(shell, tmp_path)[1]
    (tmp_path / ".venv/made-from").unlink()
    assert session_start(shell, tmp_path) == (0, "", "")
