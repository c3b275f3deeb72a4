"""Four hosts on two sites, and what is tried when nothing else leads to a peer, each by itself: P0, a session in the
cloud; P8, a line in the prompt of the real agent there; P6, a packet that wakes a machine. One fleet for all of it.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.claude import ClaudeOnHost, mock_api_on
from tests.lab.fleet import path_of
from tests.lab.fleet_node import FleetNode
from tests.lab.members import states_at
from tests.lab.mock_anthropic import MockAPI
from tests.lab.routine import ADDRESS, SESSION_URL, Routine, trust_routine
from tests.lab.tools import wait_for
from tests.lab.two_sites import CUTTABLE, TwoSites

pytestmark = [pytest.mark.lab, pytest.mark.real_claude, pytest.mark.timeout(300)]


class LastWays(TwoSites):
    """The sender may log in at the recipient, where it finds no multifleet, and may use a routine in the cloud. The
    chief has nothing that would keep the recipient's mail until it wakes by itself; the third knows its network card.
    """

    def settings(self, node: FleetNode) -> dict[str, Any]:
        if node is not self.sender:
            return super().settings(node)
        trust_routine(node.host)
        return super().settings(node) | {"cloud": {"routine": ADDRESS, "lastResort": True}}

    def entry(self, node: FleetNode, other: FleetNode) -> dict[str, Any]:
        said = super().entry(node, other)
        if other is self.recipient and node is self.sender:
            said |= {"remote_command": ["/nonexistent/multifleet"]}
            said |= {"channels": {"off": ["seed"], "timeouts": {"text": 20}}}  # two seconds are for an idle machine
        if other is self.recipient and node is self.chief:
            said |= {"user": "", "channels": {"off": ["nats", "relay", "git"]}}
        if other is self.recipient and node is self.third:
            said |= {"mac_address": other.host.mac}
        return said


@pytest.fixture(scope="module")
def sites() -> Iterator[LastWays]:
    with LastWays() as made:
        word = path_of(made.sender, f"ssh/{made.recipient.name}.json")
        wait_for(word.exists, 30, what="the recipient's word on its SSH server")
        yield made


@pytest.fixture
def invariants(sites: LastWays) -> Iterator[None]:
    """All faults are over after a test: what was only told of arrives as well, and nothing is lost or doubled."""
    yield
    sites.try_all()
    sites.fleet.wait_drained()
    sites.fleet.check()


@pytest.fixture
def api(sites: LastWays) -> Iterator[MockAPI]:
    with mock_api_on(sites.recipient.host) as mock:
        yield mock


def reason(node: FleetNode, id: str) -> str:
    """Why a message is not further, or where it is."""
    return str(node.trace(id)["reason"] or "")


@pytest.mark.usefixtures("invariants")
def test_p0_makes_one_session_of_which_no_more_is_claimed_and_never_asks_twice(sites: LastWays) -> None:
    sender, to = sites.sender, sites.recipient.name
    with Routine(sites.sender.host) as routine:
        with sites.cut(*CUTTABLE, how="reset"):
            made = sender.send(to, "MARK-MADE rebase before you push")
            sender.wait_state(made, "sent", 60)
            assert reason(sender, made) == f"by cloud: a cloud session was created: {SESSION_URL}"
            assert sender.states(made) == ["queued", "sent"]
            routine.answers = False
            unknown = sender.send(to, "MARK-UNKNOWN and pull")
            wait_for(lambda: len(routine.texts) == 2, 60, what="the second request")
            routine.answers = True
            sender.kill()
            sender.up()
            wait_for(lambda: "never asked for twice" in reason(sender, unknown), 60, what="tried again, and not there")
        sites.try_all()
        for id in (made, unknown):
            sender.wait_state(id, "stored", 60)
        assert [[mark in text for text in routine.texts] for mark in ("MARK-MADE", "MARK-UNKNOWN")] == [
            [True, False],
            [False, True],
        ]


@pytest.mark.beside_one  # what is done over SSH there has two seconds for all of it
@pytest.mark.usefixtures("invariants")
def test_p8_the_line_stands_in_the_prompt_once_and_never_in_a_shell_or_over_a_draft(
    sites: LastWays, api: MockAPI
) -> None:
    sender, there = sites.sender, sites.recipient.host
    shell = ("tmux", "-L", "shell", "-f", "/dev/null")
    there.run([*shell, "new-session", "-d", "-s", "s", "-x", "100", "-y", "30", "bash --norc"])
    # Who logs in at the sender takes along what waits there for it.
    cut = sites.cut("http", "nats", "relay", "git", how="reset"), sites.cut_one_way("ssh", sites.recipient, sender)
    with cut[0], cut[1], ClaudeOnHost(there, api, project="api") as claude:
        claude.tmux("send-keys", "-t", "s", "-l", "half typed by a person")
        claude.wait_screen("half typed by a person")
        id = sender.send(f"{sites.recipient.name}/api", "MARKER-TEXT rebase before you push")
        wait_for(lambda: "half-typed draft" in reason(sender, id), 60, 0.1, "the draft is told")
        assert "MARKER" not in claude.screen() and "half typed by a person\n" in claude.screen()
        claude.keys("C-u")
        shown = claude.wait_screen("MARKER-TEXT", 60)
        assert shown.count("MARKER-TEXT") == 1 and "not typed by your user" in " ".join(shown.split())
        sender.wait_state(id, "sent", 60)
        assert "it stands in the prompt" in reason(sender, id)
        for _ in range(8):
            claude.keys("C-u")
        wait_for(lambda: "MARKER" not in claude.screen(), 60, 0.1, "the prompt empty")
        second = sender.send(f"{sites.recipient.name}/api", "MARKER-SECOND so soon")
        wait_for(lambda: "lately" in reason(sender, second), 20, 0.1, "too soon")
        assert "MARKER" not in claude.screen()
        assert not api.asked("MARKER"), "nobody pressed Enter"
    assert "MARKER" not in there.run([*shell, "capture-pane", "-p", "-t", "s"]).stdout


def fall_asleep(sites: LastWays) -> int:
    """The recipient sleeps, and the chief knows that it is not there; how many packets had woken machines before."""
    sites.recipient.host.sleep()
    wait_for(lambda: states_at(sites.chief)[sites.recipient.name] != "alive", 30, 0.2, "not there")
    return len(sites.fleet.lab.wol_seen)


def test_p6_a_message_wakes_its_recipient_by_a_member_beside_it_and_goes_there_directly(sites: LastWays) -> None:
    chief, recipient = sites.chief, sites.recipient
    seen = fall_asleep(sites)
    id = chief.send(recipient.name, "good morning")
    chief.wait_state(id, "stored", 60)
    wait_for(lambda: len(sites.fleet.lab.wol_seen) - seen >= 3, 60, 0.05, "the last packet, which it did not need")
    assert [mac for _, mac in sites.fleet.lab.wol_seen[seen:]] == [recipient.host.mac] * 3
    assert [event["channel"] for event in chief.trace(id)["events"] if event["state"] == "stored"] == ["http"]
    assert recipient.inbox()[0]["body"] == "good morning"


def test_wake_says_each_step_and_wakes_nobody_who_is_awake(sites: LastWays) -> None:
    chief, recipient = sites.chief, sites.recipient
    found = chief.ask("wake", recipient.name)
    assert found["awake"] and [step["step"] for step in found["steps"]] == ["health"]
    seen = fall_asleep(sites)
    found = chief.ask("wake", recipient.name, timeout=50)
    assert found["awake"], found
    assert [(step["step"], step["ok"]) for step in found["steps"]] == [
        ("health", False),
        ("ssh", False),
        ("wake", True),
        ("wait", True),
    ]
    assert f"3 magic packets for {recipient.host.mac} from {sites.third.name}" in found["steps"][2]["words"]
    wait_for(lambda: len(sites.fleet.lab.wol_seen) - seen >= 3, 60, 0.05, "the last packet")
    assert len(sites.fleet.lab.wol_seen) - seen == 3
