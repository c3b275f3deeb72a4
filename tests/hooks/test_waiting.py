"""The programs that wake a session without an inbox, as children of this very process, which stands for the client."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from multifleet.sessions.seeds import SeedBox, fragment
from multifleet.sessions.waiters import Waiters
from tests.core.hostile_bodies import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
ID = "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5"
OTHER = "11111111-8348-4b79-bdeb-0f2f2dc40cb5"


def until(condition: object, timeout: float = 60.0) -> None:
    ends = time.monotonic() + timeout
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < ends
        time.sleep(0.01)


class Beside:
    """A home, and what waits beside this process."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.box = SeedBox(home)
        self.waiters = Waiters(home)
        self.transcript = home.parent / "transcript.jsonl"
        self._started: list[subprocess.Popen[bytes]] = []

    def environment(self, **changes: str) -> dict[str, str]:
        given = {
            "PATH": os.environ["PATH"],
            "MULTIFLEET_HOME": str(self.home),
            "CLAUDE_CODE_ENTRYPOINT": "cli",
            "CLAUDE_CODE_SESSION_ID": ID,
            "HOME": str(self.home.parent),
        }
        return {name: value for name, value in {**given, **changes}.items() if value}

    def start(self, script: str = "wait.sh", **changes: str) -> subprocess.Popen[bytes]:
        command = ["/bin/sh", str(ROOT / "hooks" / script), str(ROOT)]
        event = self.home.parent / "event"
        event.write_text(json.dumps({"transcript_path": str(self.transcript), "cwd": str(self.home.parent)}))
        with event.open() as given:
            process = subprocess.Popen(command, env=self.environment(**changes), stdin=given, stderr=subprocess.PIPE)
        self._started.append(process)
        return process

    def waits(self, session: str = ID, client: int | None = None) -> bool:
        """Whether one listens for this session."""
        return (self.home / "waiters" / f"{session}.{client or os.getpid()}").exists()

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Beside]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    one = Beside(home)
    yield one
    one.end()


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    said = process.communicate(timeout=60)[1]
    return process.returncode, said.decode()


def test_once_rung_it_takes_what_lies_ready_and_wakes_the_session_with_it(beside: Beside) -> None:
    text = "\n".join(HOSTILE.values())
    process = beside.start()
    until(beside.waits)
    beside.box.put(ID, fragment(text))
    assert beside.waiters.ring(ID, os.getpid())
    assert ended(process) == (2, text.encode(errors="replace").decode())
    (taken,) = beside.box.taken(ID)
    assert taken.to_wake and taken.fragment == fragment(text) and not beside.waits()
    assert not beside.waiters.ring(ID, os.getpid()), "nobody listens any more"


def test_where_a_hook_was_quicker_it_goes_on_waiting(beside: Beside) -> None:
    process = beside.start()
    until(beside.waits)
    beside.waiters.ring(ID, os.getpid())
    outside = beside.home.parent / "outside"
    outside.write_text(f"planted{chr(34)}}}}}\n")
    (beside.home / "seeds" / ID).mkdir(parents=True)
    (beside.home / "seeds" / ID / "next").symlink_to(outside)
    beside.waiters.ring(ID, os.getpid())
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    (beside.home / "seeds" / ID / "next").unlink()
    shutil.rmtree(beside.home / "seeds")
    beside.box.put(ID, "hello")
    beside.waiters.ring(ID, os.getpid())
    assert ended(process) == (2, "hello")


@pytest.mark.parametrize("script", ["wait.sh", "idle.sh"])
@pytest.mark.parametrize(
    "changes",
    [
        {"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"},
        {"CLAUDE_CODE_ENTRYPOINT": ""},
        {"CLAUDE_CODE_SESSION_ID": "../x"},
        {"CLAUDE_CODE_SESSION_ID": ""},
        {"MULTIFLEET_HOME": "/nonexistent/home"},
        {"PATH": "/nonexistent"},
    ],
    ids=lambda changes: "-".join(map(str, changes.items())),
)
def test_where_it_is_of_no_use_it_ends_at_once(beside: Beside, script: str, changes: dict[str, str]) -> None:
    beside.box.put(ID, "hello")
    assert ended(beside.start(script, **changes)) == (0, "")
    assert beside.box.waits(ID)


def test_a_client_with_an_inbox_needs_none(beside: Beside) -> None:
    assert ended(beside.start(CLAUDE_CODE_MESSAGING_SOCKET="/tmp/x.sock")) == (0, "")


def test_the_newest_of_a_client_stays_also_for_another_conversation(beside: Beside) -> None:
    first = beside.start()
    until(beside.waits)
    second = beside.start(CLAUDE_CODE_SESSION_ID=OTHER)
    assert ended(first) == (0, "")
    until(lambda: beside.waits(OTHER))
    assert not beside.waits(ID)
    many = [beside.start() for _ in range(4)]
    assert ended(second) == (0, "")
    until(lambda: sum(one.poll() is None for one in many) == 1)
    beside.box.put(ID, "hello")
    assert beside.waiters.ring(ID, os.getpid())
    assert sorted(ended(one) for one in many) == [(0, "")] * 3 + [(2, "hello")]


def test_it_ends_with_its_client_however_that_ended(beside: Beside) -> None:
    program = f"import subprocess, time; subprocess.Popen(['/bin/sh', {str(ROOT / 'hooks/wait.sh')!r}, {str(ROOT)!r}])"
    program += "; time.sleep(60)"
    client = subprocess.Popen([sys.executable, "-c", program], env=beside.environment(), stdin=subprocess.PIPE)
    assert client.stdin is not None
    client.stdin.write(b"{}")
    client.stdin.close()
    until(lambda: beside.waits(client=client.pid))
    client.send_signal(signal.SIGKILL)
    client.wait()
    until(lambda: not beside.waits(client=client.pid))


def test_what_a_killed_one_left_is_cleared_away_by_the_next(beside: Beside) -> None:
    process = beside.start(CLAUDE_CODE_SESSION_ID=OTHER)
    until(lambda: beside.waits(OTHER))
    process.kill()
    process.wait()
    assert not beside.waiters.ring(OTHER, os.getpid())
    beside.start()
    until(beside.waits)
    assert not beside.waits(OTHER)


def test_an_idle_session_is_woken_with_what_lies_ready_and_with_nothing_else(beside: Beside) -> None:
    assert ended(beside.start("idle.sh")) == (0, "")
    beside.box.put(ID, fragment("there is time now"))
    assert ended(beside.start("idle.sh")) == (2, "there is time now")
    assert beside.box.taken(ID)[0].to_wake and ended(beside.start("idle.sh")) == (0, "")


def said_in(mode: str) -> str:
    """A transcript whose last prompt was given in this mode, and in which another one is only spoken of."""
    last = {"type": "user", "permissionMode": mode}
    spoken = {"type": "assistant", "message": {"input": {"permissionMode": "default"}, "text": "permissionMode"}}
    return "".join(json.dumps(one) + "\n" for one in ({**last, "permissionMode": "plan"}, last, spoken)) + '{"half'


def test_a_session_that_asks_nobody_is_not_woken(beside: Beside) -> None:
    beside.transcript.write_text(said_in("bypassPermissions"))
    beside.box.put(ID, "hello")
    assert ended(beside.start("idle.sh")) == (0, "")
    process = beside.start()
    until(beside.waits)
    beside.waiters.ring(ID, os.getpid())
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    assert beside.box.waits(ID)
    beside.transcript.write_text(said_in("auto"))
    beside.waiters.ring(ID, os.getpid())
    assert ended(process) == (2, "hello")


@pytest.mark.parametrize("mode", ["default", "acceptEdits", "auto", "dontAsk", "plan"])
def test_one_is_woken_in_the_modes_in_which_a_turn_may_go_on_and_in_a_plan_that_bypasses_nothing(
    beside: Beside, mode: str
) -> None:
    beside.transcript.write_text(said_in(mode))
    beside.box.put(ID, "hello")
    assert ended(beside.start("idle.sh")) == (2, "hello")


def test_one_in_a_mode_of_a_later_version_is_not_woken(beside: Beside) -> None:
    beside.transcript.write_text(said_in("of a later version"))
    beside.box.put(ID, "hello")
    assert ended(beside.start("idle.sh")) == (0, "")


def test_one_that_begins_so_is_not_woken_either(beside: Beside) -> None:
    beside.box.put(ID, "hello")
    settings = beside.home.parent / ".claude/settings.local.json"
    settings.parent.mkdir()
    settings.write_text('{"permissions": {"defaultMode": "bypassPermissions"}}')
    assert ended(beside.start("idle.sh")) == (0, "")
    for mode in ("plan", "default"):
        beside.transcript.write_text(said_in(mode))
        assert ended(beside.start("idle.sh")) == (0, ""), "one key more, and nobody would be asked"
    beside.transcript.write_text("{}\n" * 400_000)
    settings.write_text("{}")
    assert ended(beside.start("idle.sh")) == (0, ""), "what it may do was said too long ago"
    beside.transcript.unlink()
    assert ended(beside.start("idle.sh")) == (2, "hello")


def test_nor_one_whose_project_says_so_while_a_command_has_taken_it_elsewhere(beside: Beside, tmp_path: Path) -> None:
    beside.box.put(ID, "hello")
    settings = tmp_path / "project/.claude/settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"permissions": {"defaultMode": "bypassPermissions"}}')
    assert ended(beside.start("idle.sh", CLAUDE_PROJECT_DIR=str(tmp_path / "project"))) == (0, "")
    assert ended(beside.start("idle.sh", CLAUDE_PROJECT_DIR=str(tmp_path / "another"))) == (2, "hello")


@pytest.mark.parametrize("how", ["--settings {}", "--settings={}"])
def test_nor_one_that_was_started_with_a_file_of_settings_that_say_so(beside: Beside, tmp_path: Path, how: str) -> None:
    settings = tmp_path / "settings.json"

    def woken() -> bool:
        """By a client that was started so."""
        beside.box.put(ID, "hello")
        client = "import subprocess, sys; sys.exit(subprocess.run(['/bin/sh', sys.argv[1], sys.argv[2]]).returncode)"
        command = [sys.executable, "-c", client, str(ROOT / "hooks/idle.sh"), str(ROOT)]
        event = json.dumps({"transcript_path": str(beside.transcript), "cwd": str(tmp_path)})
        started = [*command, *how.format("settings.json").split()]
        done = subprocess.run(started, env=beside.environment(), input=event.encode(), capture_output=True, timeout=60)
        return done.returncode == 2

    assert not woken(), "it is not known what stands there"
    settings.write_text('{"permissions": {"defaultMode": "bypassPermissions"}}')
    assert not woken()
    settings.write_text('{"model": "opus"}')
    assert woken()


def test_a_pipe_that_somebody_planted_is_not_rung(beside: Beside) -> None:
    folder = beside.home / "waiters"
    folder.mkdir()
    (folder / f"{ID}.7").write_text("")
    (folder / f"{ID}.8").symlink_to("/dev/null")
    assert not any(beside.waiters.ring(ID, pid) for pid in (7, 8, 9))
    assert (folder / f"{ID}.7").read_text() == ""


def test_one_that_does_not_listen_holds_nobody_up(beside: Beside) -> None:
    process = beside.start()
    until(beside.waits)
    process.send_signal(signal.SIGSTOP)
    while beside.waiters.ring(ID, os.getpid()):
        pass
    beside.box.put(ID, "hello")
    process.send_signal(signal.SIGCONT)
    assert ended(process) == (2, "hello")


def test_what_it_is_told_to_do_stands_in_the_hooks_file() -> None:
    hooks = json.loads((ROOT / "hooks/hooks.json").read_text())["hooks"]
    waking = [
        (event, group.get("matcher"), hook["args"][0].rpartition("/")[2], hook["timeout"])
        for event, groups in hooks.items()
        for group in groups
        for hook in group["hooks"]
        if hook.get("asyncRewake")
    ]
    assert waking == [
        ("SessionStart", None, "wait.sh", 604_800),
        ("Stop", None, "wait.sh", 604_800),
        ("Notification", "idle_prompt", "idle.sh", 3),
    ]
