"""The whole demo, as a program: it takes seconds, so it is run few times and asked much."""

import json
import re
import signal
import socket
import tempfile
from pathlib import Path

import pytest

from multifleet.demo.demo import run
from multifleet.demo.places import HOSTS, Place, choose_places
from tests.demo.running import demo, left_behind
from tests.lab.client_install import claude_program

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.mark.slow
@pytest.mark.beside_one
@pytest.mark.timeout(200)
def test_every_message_arrives_once_although_a_node_is_killed(tmp_path: Path) -> None:
    with demo(tmp_path, "--json") as process:
        out, err = process.communicate(timeout=180)
    outcome = json.loads(out)
    assert (process.returncode, err, outcome["ok"], outcome["reason"]) == (0, "", True, None)
    assert [node["node"] for node in outcome["nodes"]] == ["laptop", "mini", "gpu"]
    assert len({node["address"] for node in outcome["nodes"]}) == 3
    assert outcome["killed"] == "gpu"
    assert outcome["agent"] == "none: no claude on PATH"
    assert len({message["id"] for message in outcome["messages"]}) == 20
    for message in outcome["messages"]:
        steps = [state for state in message["states"] if state != "sent"]  # parked while gpu was dead
        assert ID.fullmatch(message["id"]) and steps[:2] == ["queued", "stored"]
    by = outcome["blackout"]["by"]
    assert len(by) == 6 and by[4] == "git" and len(set(by)) >= 4, "each time something is dark, another way is found"
    assert outcome["blackout"]["left"] == {}, "the dear ways too"
    assert outcome["blackout"]["healed"] <= 30
    to_the_agent = [message for message in outcome["messages"] if message["to"] == "mini/api"]
    assert [message["states"] for message in to_the_agent] == [["queued", "stored"]]
    assert left_behind(tmp_path) == []


def test_a_port_that_is_taken_meanwhile_is_given_up_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_BIN", raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        def choose(wanted: int) -> list[Place]:
            return [Place(host, port) for host in HOSTS] if wanted else choose_places(wanted=0)

        monkeypatch.setattr("multifleet.demo.demo.choose_places", choose)
        assert run(as_json=True, brief=True) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["ok"] and all(not node["address"].endswith(f":{port}") for node in outcome["nodes"])
    assert left_behind(tmp_path) == []


@pytest.mark.real_claude
def test_a_real_client_takes_the_message_up_and_answers(tmp_path: Path) -> None:
    with demo(tmp_path, "--brief", client=claude_program()) as process:
        out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "")
    assert re.search(r"laptop -> mini/api +queued . stored . offered . seen . answered", out)
    assert "14 of 14 messages arrived once" in out
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("moment", "number"),
    [("laptop is up", signal.SIGINT), ("gpu is up", signal.SIGTERM), ("kill -9", signal.SIGHUP)],
)
def test_it_ends_cleanly_when_it_is_interrupted(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    with demo(tmp_path) as process:
        assert process.stdout is not None
        assert any(moment in line for line in process.stdout)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + number, "\nending the demo ...\n")
    assert left_behind(tmp_path) == []
