"""Claude on mac1 writes to Claude on mac2 by its own tool, which knows nothing of a fleet, and is answered; while mac2
is away it is told so, and of the delivery once there was one.
"""

import re
from typing import Any

import pytest

from tests.lab.claude import ClaudeOnHost, mock_api_on
from tests.lab.fleet import Fleet
from tests.lab.members import wait_state
from tests.lab.mock_anthropic import MockAPI
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.real_claude, pytest.mark.timeout(300)]

ASKS = ("--permission-mode", "default")


def say(to: str, text: str) -> dict[str, Any]:
    return {"tools": [("SendMessage", {"to": to, "summary": "-", "message": text})]}


def listed(claude: ClaudeOnHost) -> list[str]:
    """The seats of other machines that the client lists."""
    return [record["name"] for record in claude.records() if str(record.get("pidDomain")).startswith("multifleet:")]


def conversation(api: MockAPI) -> str:
    """All that the client's model was given and said so far."""
    return max((str(row["conversation"]) for row in api.requests if row["model"]), key=len, default="")


def sent_words(api: MockAPI) -> list[str]:
    """The client's own ids of what its model sent."""
    return re.findall(r'\\"msg_id\\":\\"([0-9a-f-]{36})', conversation(api))


def told_of(word: str, api: MockAPI) -> list[str]:
    """What its model was told of one of these, in order: "approved" is the client's word for delivered."""
    notice = rf"Your message to another session was (\w+)[^()]*\([^()]*msg_id: {word}\)"
    return re.findall(notice, conversation(api))


def test_two_sessions_talk_by_the_clients_own_tool_while_one_is_away_too_and_the_list_ends_with_the_daemon(
    fleet: Fleet,
) -> None:
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
            mac2.cli("down")
            wait_state([mac1], "mac2", "dead", 60)
            api1.when("leave word", say("mac2/there", "MARKER-LATER rebase"), once=True)
            here.wait_status("idle")
            here.prompt("leave word for them")
            wait_for(lambda: len(sent_words(api1)) == 2, 60, what="a second message")
            word = sent_words(api1)[-1]
            wait_for(lambda: told_of(word, api1) == ["held"], 60, what="told that it is held")
            mac2.up()
            assert api2.wait_for("MARKER-LATER")["conversation"].count("MARKER-LATER") == 1
            wait_for(lambda: told_of(word, api1) == ["held", "approved"], 60, what="told that it is delivered")
            here.wait_status("idle")
            mac1.kill()  # what it leaves behind goes with the next one
            mac1.up()
            wait_for(lambda: "mac2/there" in listed(here), 60, what="listed after a kill")
            mac1.cli("down")
            assert listed(here) == []
