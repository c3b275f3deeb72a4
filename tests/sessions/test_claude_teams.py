"""Team mates are read from the client's own files, which are believed only as far as they were measured."""

import os
from pathlib import Path

import pytest

from multifleet.sessions.base import Session
from multifleet.sessions.claude_registry import ClaudeRegistry
from multifleet.sessions.claude_teams import MATE, MAX_TEAMS, ClaudeTeams
from tests.sessions.records import SESSION_ID, Registered
from tests.sessions.teams import member, transcript_of, write_team


def leads(config: Path, **changes: object) -> tuple[Session, ...]:
    with Registered(config, **changes):
        return ClaudeRegistry(config).find().sessions


def test_the_mates_of_a_live_session_are_found_beside_it(tmp_path: Path) -> None:
    (lead,) = leads(tmp_path)
    teams = ClaudeTeams(tmp_path)
    assert teams.mates([lead]) == ()
    write_team(tmp_path, SESSION_ID, member("scout"), member("Tester-2", backendType="tmux"))
    assert lead.transcript is not None
    transcript_of(lead.transcript, "scout").touch()
    transcript_of(lead.transcript, "scout-junior").touch()
    scout, tester = teams.mates([lead])
    assert (scout.session_id, scout.name, scout.kind) == ("session-85f25b7e_scout", "scout", MATE)
    assert (scout.lead, scout.pid, scout.cwd, scout.socket) == (SESSION_ID, lead.pid, lead.cwd, None)
    assert scout.transcript == transcript_of(lead.transcript, "scout") and scout.started_at == 1_795_313_107.098
    assert (tester.name, tester.transcript) == ("Tester-2", None), "what it writes is not known"
    assert teams.mates([]) == (), "they end with their lead"


def test_a_mate_that_left_is_gone_and_a_new_one_of_its_name_writes_a_file_of_its_own(tmp_path: Path) -> None:
    (lead,) = leads(tmp_path)
    assert lead.transcript is not None
    teams = ClaudeTeams(tmp_path)
    write_team(tmp_path, SESSION_ID, member("scout"))
    old = transcript_of(lead.transcript, "scout")
    old.touch()
    assert [mate.transcript for mate in teams.mates([lead])] == [old]
    write_team(tmp_path, SESSION_ID)
    assert teams.mates([lead]) == ()
    write_team(tmp_path, SESSION_ID, member("scout"))
    new = transcript_of(lead.transcript, "scout", 2)
    new.touch()
    os.utime(old, (1, 1))
    assert [mate.transcript for mate in teams.mates([lead])] == [new]


def test_a_file_that_begins_in_the_tick_in_which_it_was_looked_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.sessions.claude_teams.TICK", 10**15)  # so slowly does no clock of files tick
    (lead,) = leads(tmp_path)
    assert lead.transcript is not None
    teams = ClaudeTeams(tmp_path)
    write_team(tmp_path, SESSION_ID, member("scout"))
    path = transcript_of(lead.transcript, "scout")
    then = path.parent.stat().st_mtime_ns
    assert [mate.transcript for mate in teams.mates([lead])] == [None]
    path.touch()
    os.utime(path.parent, ns=(then, then))
    assert [mate.transcript for mate in teams.mates([lead])] == [path]


def test_what_killed_sessions_left_does_not_hide_a_new_team(tmp_path: Path) -> None:
    (lead,) = leads(tmp_path)
    for number in range(MAX_TEAMS):
        left = write_team(tmp_path, "gone", member("scout"), name=f"a-{number}")
        os.utime(left.parent, (number, number))
    write_team(tmp_path, SESSION_ID, member("scout"), name="z")
    assert [mate.session_id for mate in ClaudeTeams(tmp_path).mates([lead])] == ["z_scout"]


def test_while_a_team_is_written_its_mates_are_still_there(tmp_path: Path) -> None:
    (lead,) = leads(tmp_path)
    teams = ClaudeTeams(tmp_path)
    path = write_team(tmp_path, SESSION_ID, member("scout"))
    assert len(teams.mates([lead])) == 1
    path.write_text('{"name": "half of')
    assert len(teams.mates([lead])) == 1
    path.unlink()
    assert teams.mates([lead]) == ()


@pytest.mark.parametrize(
    "odd",
    [
        member("a b"),
        member("../x"),
        member(""),
        member("-x"),
        member("x" * 65),
        member("ünder"),
        {"name": 7},
        "scout",
        None,
    ],
    ids=repr,
)
def test_a_name_that_no_mate_can_have_is_passed_over(tmp_path: Path, odd: object) -> None:
    (lead,) = leads(tmp_path)
    write_team(tmp_path, SESSION_ID, odd, member("scout"))  # type: ignore[arg-type]
    assert [mate.name for mate in ClaudeTeams(tmp_path).mates([lead])] == ["scout"]


@pytest.mark.parametrize(
    "changes",
    [{"members": {}}, {"leadSessionId": None}, {"leadSessionId": "11111111-8348-4b79-bdeb-0f2f2dc40cb5"}],
    ids=repr,
)
def test_a_team_of_another_shape_or_of_somebody_else_has_no_mates_here(tmp_path: Path, changes: dict[str, str]) -> None:
    (lead,) = leads(tmp_path)
    write_team(tmp_path, SESSION_ID, member("scout"), **changes)
    assert ClaudeTeams(tmp_path).mates([lead]) == ()


def test_what_others_planted_and_a_single_questions_team_are_not_read(tmp_path: Path) -> None:
    (lead,) = leads(tmp_path)
    path = write_team(tmp_path, SESSION_ID, member("scout"))
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert ClaudeTeams(tmp_path).mates([lead]) == ()
    path.unlink()
    os.mkfifo(path)
    assert ClaudeTeams(tmp_path).mates([lead]) == ()
    path.unlink()
    elsewhere.rename(path)
    assert len(ClaudeTeams(tmp_path).mates([lead])) == 1
    (tmp_path / "inbox.sock").unlink()
    assert ClaudeTeams(tmp_path).mates(leads(tmp_path, entrypoint="sdk-cli")) == ()
