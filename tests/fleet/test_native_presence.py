"""Claude on mac1 writes to Claude on mac2 by its own tool, which knows nothing of a fleet, and is answered."""

from typing import Any

import pytest

from tests.lab.claude import ClaudeOnHost, mock_api_on
from tests.lab.fleet import Fleet
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.real_claude, pytest.mark.timeout(300)]

ASKS = ("--permission-mode", "default")


def say(to: str, text: str) -> dict[str, Any]:
    return {"tools": [("SendMessage", {"to": to, "summary": "-", "message": text})]}


def listed(claude: ClaudeOnHost) -> list[str]:
    """The seats of other machines that the client lists."""
    return [record["name"] for record in claude.records() if str(record.get("pidDomain")).startswith("multifleet:")]


def test_two_sessions_talk_by_the_clients_own_tool_and_the_list_ends_with_the_daemon(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    with mock_api_on(mac1.host) as api1, mock_api_on(mac2.host) as api2:
        api1.when("tell them", say("mac2/there", "MARKER-OUT the tests are green"), once=True)
        api2.when("MARKER-OUT", say("mac1/here", "MARKER-BACK merge it"), once=True)
        with (
            ClaudeOnHost(mac1.host, api1, project="here", arguments=ASKS) as here,
            ClaudeOnHost(mac2.host, api2, project="there", arguments=ASKS) as there,
        ):
            for claude, seat in ((here, "mac2/there"), (there, "mac1/here")):
                wait_for(lambda claude=claude, seat=seat: seat in listed(claude), 60, what=f"{seat} listed")
            here.prompt("tell them")
            api2.wait_for("MARKER-OUT")
            answered = api1.wait_for("MARKER-BACK")
            assert 'from-name=\\"mac2/there\\"' in answered["conversation"]
            sent = mac1.ask("outbox")["messages"][-1]
            mac1.wait_state(sent["id"], "answered", 60)
            mac1.kill()  # what it leaves behind goes with the next one
            mac1.up()
            wait_for(lambda: "mac2/there" in listed(here), 60, what="listed after a kill")
            mac1.cli("down")
            assert listed(here) == []
