"""What a new user does, word for word, on two fresh hosts."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.tools import wait_for

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def fresh() -> Iterator[Fleet]:
    with Fleet() as fleet:
        yield fleet
        for node in fleet.nodes:
            node.cli("down", check=False)


def test_the_first_message_takes_six_commands_and_two_minutes(fresh: Fleet) -> None:
    mac1, mac2 = fresh.nodes
    start = time.monotonic()
    mac1.cli("init")
    mac1.cli("up")
    code = mac1.ask("invite")["code"]
    mac2.cli("init")
    mac2.cli("join", code)
    mac2.cli("up")
    sent = mac1.ask("send", "mac2", "the schema changed, rebase", "--wait", "stored")
    assert sent["state"] == "stored"
    inbox = mac2.ask("inbox")["messages"]
    assert [(m["from"], m["to"], m["type"], m["body"]) for m in inbox] == [
        ("mac1", "mac2", "context", "the schema changed, rebase")
    ]
    assert time.monotonic() - start < 120


def test_the_quick_start_of_earlier_fleets_works(fresh: Fleet) -> None:
    mac1, mac2 = fresh.nodes
    body = '{"type":"context","to":"mac1","payload":{"body":"Hello from mac2"}}'
    done = mac2.host.run(
        "curl -s -w '%{http_code}' -X POST http://127.0.0.1:8855/message"
        f" -H 'Content-Type: application/json' -d '{body}'"
    ).stdout
    answer, status = json.loads(done[:-3]), done[-3:]
    assert status == "202" and set(answer) >= {"id", "state"}
    wait_for(lambda: any(m["body"] == "Hello from mac2" for m in mac1.ask("inbox")["messages"]))


def test_a_trace_shows_every_step_and_its_signatures_hold(fresh: Fleet) -> None:
    mac1, mac2 = fresh.nodes
    sent = mac1.ask("send", "mac2", "with proof", "--wait", "stored")
    trace = mac1.ask("trace", sent["id"], "--verify")
    assert (trace["from"], trace["to"], trace["type"]) == ("mac1", "mac2", "context")
    assert [(e["state"], e["by"]) for e in trace["events"]] == [("queued", "mac1"), ("stored", "mac2")]
    assert all(event["verified"] is not False for event in trace["events"])
    [(channel,)] = mac2.rows("SELECT channel FROM inbox WHERE id = ?", sent["id"])
    assert trace["events"][1]["channel"] == channel in ("http", "nats"), "the chief's server may run already"


def test_a_tampered_receipt_fails_verification(fresh: Fleet) -> None:
    mac1, _ = fresh.nodes
    sent = mac1.ask("send", "mac2", "to be tampered with", "--wait", "stored")
    mac1.cli("down")
    code = (
        "import sqlite3, sys; d = sqlite3.connect('/srv/data/multifleet/store.db')\n"
        "forgery = \"UPDATE receipts SET state = 'seen' WHERE state = 'stored' AND message_id = ?\"\n"
        "d.execute(forgery, sys.argv[1:])\n"
        "d.commit()"
    )
    mac1.host.python(code, sent["id"])
    mac1.cli("up")
    said = mac1.cli("trace", sent["id"], "--verify", "--json", check=False)
    assert said.returncode == 1
    assert [event["verified"] for event in json.loads(said.stdout)["events"] if event["state"] == "seen"] == [False]


def test_exit_statuses_tell_done_from_accepted_from_refused(fresh: Fleet) -> None:
    mac1, mac2 = fresh.nodes
    assert mac1.cli("send", "mac2", "done", "--wait", "stored").returncode == 0
    with mac2.host.unplug():
        waiting = mac1.cli("send", "mac2", "later", "--wait", "stored", "--timeout", "0.5", check=False)
        assert waiting.returncode == 3
    refused = mac1.cli("send", "mac9", "nobody", check=False)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert mac1.cli("send", check=False).returncode == 2


def refusal(node: FleetNode, *words: str) -> str:
    """The one line that a command ends in."""
    done = node.cli(*words, check=False)
    assert done.returncode == 1, (words, done)
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["send", "mac9", "x"], "mac9"),
        (["send", "mac2/nobody-here", "x", "--wait", "stored", "--timeout", "5"], "nobody-here"),
        (["send", "../../x", "x"], "NODE/SEAT"),
        (["trace", "0000000"], "0000000"),
        (["join", "AAAA-BBBB"], "code"),
        (["up", "--foreground"], "already"),
    ],
    ids=[
        "unknown node",
        "unknown seat",
        "no address",
        "unknown id",
        "wrong code",
        "second daemon",
    ],
)
def test_a_refusal_is_one_line_that_names_the_cause(fresh: Fleet, words: list[str], says: str) -> None:
    assert says.lower() in refusal(fresh["mac1"], *words).lower()


def test_a_text_over_the_limit_is_refused_with_the_limit(fresh: Fleet) -> None:
    said = fresh["mac1"].cli("send", "mac2", "-", input="x" * (256 * 1024 + 1), check=False)
    assert said.returncode == 1 and "262144" in said.stderr and len(said.stderr.splitlines()) == 1
