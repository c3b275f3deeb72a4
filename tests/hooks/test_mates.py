"""The hook of a team mate that goes idle, as a child of this very process, which stands for the client."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from multifleet.sessions.claude_teams import mate_key
from multifleet.sessions.seeds import SeedBox, fragment
from tests.core.hostile_bodies import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
LEAD = "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5"
TEAM = "session-85f25b7e"
KEY = mate_key(TEAM, "scout")


def idle(home: Path, environment: dict[str, str] | None = None, **changes: object) -> tuple[int, str]:
    """The event of a mate; how the hook ends, and what it says."""
    event = {
        "session_id": LEAD,
        "transcript_path": str(home / "none"),
        "cwd": str(home),
        "permission_mode": "default",
        "agent_id": "ascout-5750e27ffa1089bd",
        "hook_event_name": "TeammateIdle",
        "teammate_name": "scout",
        "team_name": TEAM,
        **changes,
    }
    given = {"PATH": os.environ["PATH"], "MULTIFLEET_HOME": str(home), "CLAUDE_CODE_SESSION_ID": LEAD}
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "hooks/mate-idle.sh"), str(ROOT)],
        input=json.dumps({key: value for key, value in event.items() if value is not None}).encode(),
        env={**given, "HOME": str(home), **(environment or {})},
        capture_output=True,
        timeout=60,
    )
    assert done.stdout == b""
    return done.returncode, done.stderr.decode()


def test_a_mate_is_shown_what_lies_ready_for_it_once(tmp_path: Path) -> None:
    text = "\n".join(HOSTILE.values())
    assert idle(tmp_path) == (0, "")
    box = SeedBox(tmp_path)
    box.put(KEY, fragment(text))
    assert idle(tmp_path) == (2, text.encode(errors="replace").decode())
    assert idle(tmp_path) == (0, ""), "it goes idle"
    (taken,) = box.taken(KEY)
    assert taken.to_wake and taken.fragment == fragment(text)


def test_what_lies_ready_for_its_lead_or_another_mate_is_not_touched(tmp_path: Path) -> None:
    box = SeedBox(tmp_path)
    for other in (LEAD, mate_key(TEAM, "tester"), mate_key("session-11111111", "scout")):
        box.put(other, "hello")
        assert idle(tmp_path) == (0, "") and box.waits(other)


@pytest.mark.parametrize("mode", ["bypassPermissions", "of a later version", "", None, 7])
def test_a_mate_that_asks_nobody_is_shown_nothing(tmp_path: Path, mode: object) -> None:
    box = SeedBox(tmp_path)
    box.put(KEY, "hello")
    assert idle(tmp_path, permission_mode=mode) == (0, "") and box.waits(KEY)


def test_nor_one_whose_lead_may_go_over_to_that(tmp_path: Path) -> None:
    box = SeedBox(tmp_path)
    box.put(KEY, "hello")
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude/settings.json").write_text('{"permissions": {"defaultMode": "bypassPermissions"}}')
    assert idle(tmp_path) == (0, "") and box.waits(KEY)


@pytest.mark.parametrize(
    "changes",
    [
        {"teammate_name": None},
        {"teammate_name": 7},
        {"teammate_name": "../scout"},
        {"teammate_name": "scout/.."},
        {"teammate_name": ""},
        {"team_name": None},
        {"team_name": "session_85f25b7e"},
        {"team_name": "../seeds/session-85f25b7e"},
        {"transcript_path": None},
    ],
    ids=repr,
)
def test_an_event_of_another_shape_shows_nothing_and_disturbs_nobody(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    SeedBox(tmp_path).put(KEY, "hello")
    assert idle(tmp_path, **changes) == (0, "")


def test_with_nothing_there_no_process_is_started_and_without_python_nothing_is_taken(tmp_path: Path) -> None:
    nowhere = {"PATH": "/nonexistent"}
    assert idle(tmp_path, nowhere) == (0, "")
    box = SeedBox(tmp_path)
    box.put(KEY, "hello")
    assert idle(tmp_path, nowhere) == (0, "") and box.waits(KEY)
