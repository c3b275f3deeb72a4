"""A7, A10: names that are commands or paths, and text that would move a cursor or turn a line around."""

import re
import uuid

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.forging import Forger

pytestmark = pytest.mark.lab

NAMES = [
    "../../x",
    "-oProxyCommand=id",
    "a;id",
    "$(id)",
    "`id`",
    "a\nb",
    "a" * 300,
    "a b",
    "Ä",
    "a/../b",
    "..",
    "a\x00b",
]
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
TEXT = "one\n\x1b[2J\x1b]0;owned\x07\u202ereversed\u200b\rgone <script>alert(1)</script> | two"


def files_of(node: FleetNode) -> set[str]:
    """All files of its data, without those in which the daemon notes what it meets of its own accord."""
    found = node.host.run("find /srv/data -xdev -type f -not -path '*/nats/*' -not -name cards.json -not -name running")
    return set(found.stdout.split())


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a7_a_name_that_is_no_name_is_refused_everywhere(fleet: Fleet, name: str) -> None:
    mac1 = fleet["mac1"]
    files = files_of(mac1)
    for to in (name, f"mac2/{name}"):
        status, answer = mac1.request("POST", "/message", {"to": to, "body": "x"})
        assert status in (400, 404), (to, status, answer)
        assert "\n" not in answer["error"]["message"] and not ACTIVE.search(answer["error"]["message"])
    for event in ("SessionStart", "UserPromptSubmit", "Stop"):
        request = {"event": event, "session_id": name, "cwd": "/", "transcript_path": name, "pid": 1}
        assert mac1.request("POST", "/hook", request)[0] < 500
    assert mac1.request("POST", "/seats", {"name": name, "folder": "/home/fleet"})[0] == 400
    if "\x00" not in name:
        said = mac1.cli("send", "--", name, "text", check=False)
        assert said.returncode == 1 and len(said.stderr.splitlines()) == 1
        assert mac1.cli("init", f"--node={name}", check=False).returncode != 0
    assert files_of(mac1) == files


@pytest.mark.parametrize("field", ["id", "from", "to", "prev", "reply_to", "thread", "subject", "type"])
@pytest.mark.parametrize("name", NAMES[:6], ids=ascii)
def test_a7_a_member_that_sends_such_names_gets_nothing_stored_or_it_stays_text(
    fleet: Fleet, field: str, name: str
) -> None:
    forger = Forger(fleet["mac1"], fleet["mac2"])
    packet = forger.message(str(uuid.uuid4())) | {field: name}
    status, answer = forger.post(forger.frame(forger.request(packet)))
    assert status in (200, 400)
    if field not in ("thread", "subject"):
        opened = forger.opened(answer)
        assert opened.get("refusal") or opened["answers"][0][1] == "refused"


def test_a10_hostile_text_in_every_field_is_inert_wherever_a_person_reads_it(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    forger = Forger(mac1, mac2)
    id = str(uuid.uuid4())
    packet = forger.message(id, TEXT, subject=TEXT[:200], thread=TEXT[:100])
    status, answer = forger.post(forger.frame(forger.request(packet)))
    assert (status, forger.opened(answer)["answers"][0][1]) == (200, "stored")
    for words in (["inbox"], ["read", id], ["status"], ["peers"], ["sessions"], ["seats"]):
        shown = mac2.cli(*words).stdout
        assert not ACTIVE.search(shown), (words, ascii(ACTIVE.search(shown)))
    rows = [line for line in mac2.cli("inbox").stdout.splitlines() if id[:8] in line]
    assert len(rows) == 1, "one message is one line"
    assert not ACTIVE.search(mac2.log())


def test_a10_hostile_text_that_we_send_is_inert_in_our_own_listings(fleet: Fleet) -> None:
    mac1, _ = fleet.nodes
    id = mac1.send("mac2", TEXT, subject=TEXT[:150], thread=TEXT[:100])
    mac1.wait_state(id, "stored")
    for words in (["trace", id], ["outbox"], ["dead"], ["receipts"], ["status"], ["channels"]):
        assert not ACTIVE.search(mac1.cli(*words).stdout), words
