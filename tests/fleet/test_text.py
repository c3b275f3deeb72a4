"""P8: a line in the prompt of the real agent on mac2, when nothing else leads there: once, never over a draft, never
into a shell. Nothing of multifleet runs on mac2.
"""

import json
from collections.abc import Iterator

import pytest

from tests.lab.claude import ClaudeOnHost, mock_api_on
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import NODE_HOME
from tests.lab.mock_anthropic import MockAPI
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.real_claude]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """mac1 may only type at mac2, where the daemon is dead and multifleet itself is broken."""
    with Fleet() as made:
        mac1, mac2 = made.nodes
        for host in (mac1.host, mac2.host):
            host.start_sshd()
        home = mac1.host.path(NODE_HOME)
        home.mkdir(parents=True, exist_ok=True)
        entry = {"host": mac2.host.ip, "user": "root", "remote_command": ["/nonexistent/multifleet"]}
        entry |= {"channels": {"off": ["nats", "seed"]}}
        (home / "config.json").write_text(json.dumps({"nodes": {"mac2": entry}}))
        made.found()
        mac2.kill()
        yield made


@pytest.fixture
def api(fleet: Fleet) -> Iterator[MockAPI]:
    with mock_api_on(fleet["mac2"].host) as mock:
        yield mock


def reason(fleet: Fleet, id: str) -> str:
    """Why a message is not further, or where it is."""
    return str(fleet["mac1"].trace(id)["reason"] or "")


def test_the_line_stands_in_the_prompt_once_and_never_in_a_shell_or_over_a_draft(fleet: Fleet, api: MockAPI) -> None:
    mac1, mac2 = fleet.nodes
    shell = ("tmux", "-L", "shell", "-f", "/dev/null")
    mac2.host.run([*shell, "new-session", "-d", "-s", "s", "-x", "100", "-y", "30", "bash --norc"])
    with ClaudeOnHost(mac2.host, api, project="api") as claude:
        claude.tmux("send-keys", "-t", "s", "-l", "half typed by a person")
        claude.wait_screen("half typed by a person")
        id = mac1.send("mac2/api", "MARKER-TEXT rebase before you push")
        wait_for(lambda: "half-typed draft" in reason(fleet, id), 20, 0.1, "the draft is told")
        assert "MARKER" not in claude.screen() and "half typed by a person\n" in claude.screen()
        claude.keys("C-u")
        shown = claude.wait_screen("MARKER-TEXT", 30)
        assert shown.count("MARKER-TEXT") == 1 and "not typed by your user" in " ".join(shown.split())
        wait_for(lambda: "sent" in mac1.states(id), 5, 0.05, "sent")
        assert "it stands in the prompt" in reason(fleet, id)
        for _ in range(8):
            claude.keys("C-u")
        wait_for(lambda: "MARKER" not in claude.screen(), 5, 0.1, "the prompt empty")
        second = mac1.send("mac2/api", "MARKER-SECOND so soon")
        wait_for(lambda: "lately" in reason(fleet, second), 20, 0.1, "too soon")
        assert "MARKER" not in claude.screen()
        assert not api.asked("MARKER"), "nobody pressed Enter"
    assert "MARKER" not in mac2.host.run([*shell, "capture-pane", "-p", "-t", "s"]).stdout
