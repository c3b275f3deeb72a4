"""The hooks' scripts, run by every plain shell of this machine: they hand over once, and never stand in the way."""

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from multifleet.sessions.seeds import SeedBox, fragment
from tests.core.hostile_bodies import HOSTILE
from tests.hooks.programs import program

ROOT = Path(__file__).resolve().parents[2]
ID = "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5"
FORMS = ((",", ":"), (", ", ": "))
"""What stands between the parts of an event: a client may print it with spaces."""
MODE = {"permission_mode": "default"}
ASKS = json.dumps({**MODE, "stop_hook_active": False})


def hand_over(
    shell: list[str], home: Path, event: str = "UserPromptSubmit", given: str = "{}", **variables: str
) -> str:
    """What the script prints; it must exit 0 and say nothing on stderr."""
    environment = {
        "HOME": "/nonexistent",
        "PATH": "/usr/bin:/bin",
        "MULTIFLEET_HOME": str(home),
        "CLAUDE_CODE_SESSION_ID": ID,
        **variables,
    }
    script = ROOT / "hooks/hand-over.sh"
    done = subprocess.run(
        [*shell, str(script), event], input=given, capture_output=True, text=True, env=environment, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def ended(form: tuple[str, str] = FORMS[0], **more: object) -> str:
    """The end of a turn, of a session that asks unless something else is said."""
    event = {"hook_event_name": "Stop", **MODE, "stop_hook_active": False, **more}
    return json.dumps(event, separators=form)


def test_nothing_waits_and_nothing_is_printed(shell: list[str], tmp_path: Path) -> None:
    assert hand_over(shell, tmp_path) == ""
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("event", ["UserPromptSubmit", "Stop"])
def test_what_waits_is_printed_once_as_the_events_answer(shell: list[str], tmp_path: Path, event: str) -> None:
    box = SeedBox(tmp_path)
    text = "\n".join(HOSTILE.values())
    box.put(ID, fragment(text))
    answer = json.loads(hand_over(shell, tmp_path, event, ASKS))
    assert answer == {"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}
    assert hand_over(shell, tmp_path, event, ASKS) == ""
    (taken,) = box.taken(ID)
    assert taken.fragment == fragment(text)


def test_a_turn_that_a_hook_prolonged_is_not_prolonged_again(shell: list[str], tmp_path: Path) -> None:
    box = SeedBox(tmp_path)
    box.put(ID, "hello")
    for form in FORMS:
        assert hand_over(shell, tmp_path, "Stop", ended(form, stop_hook_active=True)) == ""
    said = ended(last='"stop_hook_active":true')
    assert "hello" in hand_over(shell, tmp_path, "Stop", said)


def test_a_turn_of_a_session_that_asks_nobody_is_not_prolonged(shell: list[str], tmp_path: Path) -> None:
    SeedBox(tmp_path).put(ID, "hello")
    said = '"permission_mode":"default"'
    for form in FORMS:
        for mode in ("bypassPermissions", "plan", "of a later version", "autos", "", None, "default\\"):
            assert hand_over(shell, tmp_path, "Stop", ended(form, permission_mode=mode, last=said)) == "", mode
    quoted = ended(last='"permission_mode":"bypassPermissions"')
    assert "hello" in hand_over(shell, tmp_path, "Stop", quoted)


@pytest.mark.parametrize("mode", ["default", "acceptEdits", "auto", "dontAsk"])
def test_a_turn_of_a_session_that_asks_is_prolonged_in_whatever_form_it_says_so(
    shell: list[str], tmp_path: Path, mode: str
) -> None:
    for form in FORMS:
        SeedBox(tmp_path).put(ID, "hello")
        assert "hello" in hand_over(shell, tmp_path, "Stop", ended(form, permission_mode=mode))


@pytest.mark.parametrize(
    "given",
    [
        "",
        "{}",
        '{"stop_hook_active":false}',
        '{"permission_mode":"default"}',
        '{"stop_hook_active":false,"permission_mode" : "bypassPermissions"}',
        '{"stop_hook_active":false,"permission_mode":"default","permission_mode":"bypassPermissions"}',
        '{"stop_hook_active":false,"x":{"permission_mode":"default"},"permission_mode": "bypassPermissions"}',
        '{"permission_mode":"default","x":{"stop_hook_active":false},"stop_hook_active" : true}',
        '{"stop_hook_active":false,"permission\\u005fmode":"bypassPermissions"}',
    ],
)
def test_a_turn_is_not_prolonged_where_it_is_not_known_that_somebody_is_asked(
    shell: list[str], tmp_path: Path, given: str
) -> None:
    SeedBox(tmp_path).put(ID, "hello")
    assert hand_over(shell, tmp_path, "Stop", given) == ""
    assert "hello" in hand_over(shell, tmp_path), "it comes with the next prompt"


def test_a_mode_too_far_behind_in_the_event_is_none_that_is_known(shell: list[str], tmp_path: Path) -> None:
    SeedBox(tmp_path).put(ID, "hello")
    behind = told("Stop", stop_hook_active=False, last="x" * 9000, permission_mode="default")
    assert hand_over_to_another(shell, tmp_path, "Stop", behind) == ""
    long = ended(last="x" * 300_000)
    assert "hello" in hand_over(shell, tmp_path, "Stop", long)


def told(event: str, **more: object) -> str:
    """An event of a client that names its session there alone."""
    named = {"session_id": ID, "turn_id": "1", "cwd": "/", "hook_event_name": event, **more}
    return json.dumps(named, separators=(",", ":"))


def hand_over_to_another(
    shell: list[str], home: Path, event: str, given: str, client: str = "codex", **variables: str
) -> str:
    """The same for a client whose name the script is given."""
    environment = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "MULTIFLEET_HOME": str(home), **variables}
    command = [*shell, str(ROOT / "hooks/hand-over.sh"), event, client]
    done = subprocess.run(command, input=given, capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("event", ["UserPromptSubmit", "BeforeAgent"])
def test_another_client_names_its_session_in_the_event(shell: list[str], tmp_path: Path, event: str) -> None:
    SeedBox(tmp_path).put(ID, "hello")
    long = "x" * 300_000
    above = "019a0000-0000-7000-8000-000000000001"
    SeedBox(tmp_path).put(above, "of the session above it")
    given = told(event, prompt=f'{long}"session_id":"{above}"')
    answer = json.loads(hand_over_to_another(shell, tmp_path, event, given, CLAUDE_CODE_SESSION_ID=above))
    assert answer == {"hookSpecificOutput": {"hookEventName": event, "additionalContext": "hello"}}
    assert hand_over_to_another(shell, tmp_path, event, given) == ""


def test_the_end_of_a_turn_of_gemini_is_told_once_where_it_is_waited_for_and_shows_nothing(
    shell: list[str], tmp_path: Path
) -> None:
    box = SeedBox(tmp_path)
    box.put(ID, "hello")
    over = told("AfterAgent", prompt="good morning", prompt_response="done", stop_hook_active=False)
    assert hand_over_to_another(shell, tmp_path, "AfterAgent", over, client="gemini") == ""
    assert box.waits(ID) and not box.has_ended(ID)
    box.await_end(ID)
    for _ in range(2):
        assert hand_over_to_another(shell, tmp_path, "AfterAgent", over, client="gemini") == ""
    assert box.has_ended(ID) and not box.has_ended(ID)


def test_another_clients_turn_is_prolonged_once_too(shell: list[str], tmp_path: Path) -> None:
    text = "\n".join(HOSTILE.values()) + "}}"
    SeedBox(tmp_path).put(ID, fragment(text))
    assert hand_over_to_another(shell, tmp_path, "Stop", told("Stop", **MODE, stop_hook_active=True)) == ""
    for mode in ("bypassPermissions", "auto", "dontAsk"):
        unasked = told("Stop", permission_mode=mode, stop_hook_active=False)
        assert hand_over_to_another(shell, tmp_path, "Stop", unasked) == "", "what it means by that is not known"
    asks = told("Stop", **MODE, stop_hook_active=False)
    answer = json.loads(hand_over_to_another(shell, tmp_path, "Stop", asks))
    assert answer == {"decision": "block", "reason": text}, "all that Codex takes there"


def test_a_turn_of_qwen_is_never_prolonged_and_its_next_prompt_shows_what_waits(
    shell: list[str], tmp_path: Path
) -> None:
    SeedBox(tmp_path).put(ID, "hello")
    for more in ({}, MODE):
        stop = told("Stop", **more, stop_hook_active=False)
        assert hand_over_to_another(shell, tmp_path, "Stop", stop, client="qwen") == ""
    prompt = told("UserPromptSubmit", prompt="go on")
    assert "hello" in hand_over_to_another(shell, tmp_path, "UserPromptSubmit", prompt, client="qwen")


@pytest.mark.parametrize("given", ["", "{}", "[]", '{"session_id":""}', '{"session_id":"../x"}', '{"session_id":7}'])
def test_an_event_without_a_session_shows_nothing(shell: list[str], tmp_path: Path, given: str) -> None:
    SeedBox(tmp_path).put(ID, "hello")
    assert hand_over_to_another(shell, tmp_path, "Stop", given, CLAUDE_CODE_SESSION_ID=ID) == ""


def test_a_text_taken_back_by_the_daemon_is_not_printed(shell: list[str], tmp_path: Path) -> None:
    box = SeedBox(tmp_path)
    box.put(ID, "hello")
    assert box.take_back(ID) == "hello"
    assert hand_over(shell, tmp_path) == ""


@pytest.mark.parametrize(
    "id", ["", ".", "..", "../" + ID, "a/b", "$(touch x)", "`id`", "a b", "a\nb", "*", "a;id", "-x/", "a\\b"]
)
def test_a_session_id_of_another_shape_is_refused(shell: list[str], tmp_path: Path, id: str) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/next").write_text("planted")
    (tmp_path / "next").write_text("planted")
    assert hand_over(shell, tmp_path, CLAUDE_CODE_SESSION_ID=id) == ""


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_is_planted_in_a_seeds_place_is_not_shown(shell: list[str], tmp_path: Path, kind: str) -> None:
    box = tmp_path / "seeds" / ID
    box.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    if kind == "link":
        (box / "next").symlink_to(tmp_path / "secret")
    elif kind == "fifo":
        os.mkfifo(box / "next")
    else:
        (box / "next").mkdir()
    assert hand_over(shell, tmp_path) == ""


def test_the_home_is_the_users_when_none_is_named(shell: list[str], tmp_path: Path) -> None:
    (tmp_path / ".multifleet").mkdir()
    SeedBox(tmp_path / ".multifleet").put(ID, "hello")
    assert "hello" in hand_over(shell, tmp_path, MULTIFLEET_HOME="", HOME=str(tmp_path))


def test_many_hooks_at_once_show_a_text_once(shell: list[str], tmp_path: Path) -> None:
    SeedBox(tmp_path).put(ID, "hello")
    environment = {"MULTIFLEET_HOME": str(tmp_path), "CLAUDE_CODE_SESSION_ID": ID, "PATH": "/usr/bin:/bin"}
    command = [*shell, str(ROOT / "hooks/hand-over.sh"), "UserPromptSubmit"]
    hooks = [
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for _ in range(12)
    ]
    assert sum(b"hello" in hook.communicate()[0] for hook in hooks) == 1


@pytest.mark.beside_one
def test_a_frozen_daemon_holds_no_prompt_up_and_a_start_for_less_than_two_seconds(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.bind(str(home / "socket"))
        frozen.listen()
        began = time.monotonic()
        assert hand_over(["sh"], home) == "" and hand_over(["sh"], home, "Stop") == ""
        assert time.monotonic() - began < 0.5
        began = time.monotonic()
        program(tmp_path, f'exec "{sys.executable}" -m multifleet "$@"')
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "MULTIFLEET_HOME": str(home)}
        given = json.dumps({"session_id": ID, "cwd": str(tmp_path), "source": "startup"})
        command = ["sh", str(ROOT / "hooks/session-start.sh"), str(tmp_path)]
        done = subprocess.run(command, input=given, env=environment, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, "")
        assert time.monotonic() - began < 2.0


def test_the_hooks_file_names_only_events_that_every_client_knows() -> None:
    hooks = json.loads((ROOT / "hooks/hooks.json").read_text())["hooks"]
    assert set(hooks) == {"SessionStart", "UserPromptSubmit", "Stop", "Notification", "TeammateIdle"}
    (group,) = hooks.pop("TeammateIdle")
    (entry,) = group["hooks"]
    assert entry["args"][0].endswith("/mate-idle.sh") and entry["timeout"] <= 3 and "asyncRewake" not in entry
    for group in hooks.pop("Notification"):
        assert all(entry["asyncRewake"] for entry in group["hooks"])
    synchronous = {event: [e for e in found[0]["hooks"] if not e.get("asyncRewake")] for event, found in hooks.items()}
    for event, (entry,) in synchronous.items():
        assert entry["type"] == "command" and entry["command"] == "/bin/sh"
        script = entry["args"][0].replace("${CLAUDE_PLUGIN_ROOT}", str(ROOT))
        assert Path(script).is_file() and entry["timeout"] <= 3
        assert event == "SessionStart" or entry["args"][1] == event


def test_the_hooks_of_codex_run_the_same_scripts_and_name_the_client() -> None:
    hooks = json.loads((ROOT / "hooks/codex.json").read_text())["hooks"]
    assert set(hooks) == {"SessionStart", "UserPromptSubmit", "Stop"}
    for event, [found] in hooks.items():
        (entry,) = found["hooks"]
        words = shlex.split(entry["command"].replace("${PLUGIN_ROOT}", str(ROOT)))
        assert entry["type"] == "command" and entry["timeout"] <= 3
        assert words[0] == "/bin/sh" and Path(words[1]).is_file() and words[-1] == "codex"
        assert event == "SessionStart" or words[2] == event
