"""What the client leaves behind: its processes among all others, and its transcripts among all files."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from multifleet.core.session_sightings import Written
from multifleet.sessions import claude_traces
from multifleet.sessions.claude_transcript import folder_name
from tests.sessions.records import SESSION_ID

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system lists no processes")


@pytest.fixture(params=["claude", "/x/bin/claude.exe", "/x/claude/versions/2.1.329"])
def client(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is called so, in a folder of its own, and waits."""
    (tmp_path / "my.api").mkdir()
    command = [request.param, "-c", "echo; read line"]
    pipe, folder = subprocess.PIPE, tmp_path / "my.api"
    with subprocess.Popen(command, executable="/bin/sh", stdin=pipe, stdout=pipe, cwd=folder) as running:
        assert running.stdout is not None and running.stdout.readline()  # before that it may not have its name yet
        yield running


@linux
def test_a_process_of_the_client_is_found_with_its_folder(tmp_path: Path, client: subprocess.Popen[bytes]) -> None:
    found = claude_traces.processes(tmp_path)
    assert found is not None
    [(process, cwd)] = [one for one in found if one[0].pid == client.pid]
    assert (cwd, process.folder) == (str(tmp_path / "my.api"), folder_name(str(tmp_path / "my.api")))
    assert not process.has_record
    assert os.getpid() not in {one.pid for one, _ in found}


@linux
def test_one_that_the_registry_knows_is_marked(tmp_path: Path, client: subprocess.Popen[bytes]) -> None:
    (tmp_path / "sessions").mkdir()
    (tmp_path / f"sessions/{client.pid}.json").write_text("{}")
    assert next(one for one, _ in claude_traces.processes(tmp_path) or () if one.pid == client.pid).has_record


def test_transcripts_are_found_by_their_names_alone(tmp_path: Path) -> None:
    folder = tmp_path / "projects/-home-ada-api"
    (folder / f"{SESSION_ID}").mkdir(parents=True)
    transcript = folder / f"{SESSION_ID}.jsonl"
    transcript.touch()
    os.utime(transcript, (5.0, 5.0))
    (folder / "agent-1.jsonl").touch()
    (folder / "00000000-0000-4000-8000-000000000000.jsonl").symlink_to(transcript)
    (tmp_path / "projects/link").symlink_to(folder)
    assert claude_traces.transcripts(tmp_path) == {SESSION_ID: Written("-home-ada-api", 5.0)}
    assert claude_traces.transcripts(tmp_path / "nowhere") == {}
