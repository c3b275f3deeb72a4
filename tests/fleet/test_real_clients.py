"""Real clients of two machines: Claude Code writes to the others by its own tool and is answered, each receipt is true,
and a session that is killed on any rung leaves its mail to the next one, which is shown it once.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.lab.claude import ClaudeOnHost, mock_api_on
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.mock_anthropic import Body, MockAPI, Reply
from tests.lab.other_clients import PROMPTS, ClientOnHost, mock_for
from tests.lab.proc import Proc
from tests.lab.program import ROOT
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.real_claude, pytest.mark.real_clients, pytest.mark.timeout(300)]

OTHERS = ("codex", "gemini", "qwen")
WORDS = [
    {"to": f"mac2/{client}", "summary": "-", "message": f"MARK-{client.upper()} is the schema final?"}
    for client in OTHERS
]
"""What Claude's model writes to them."""
TOO_LATE: Reply = {"text": "too late", "delay": 60}
CALLED = "no_such_tool"


def state_at(node: FleetNode, message: str) -> str:
    """What has become of a message at its recipient, as that has it on disk."""
    rows = node.rows("SELECT state FROM inbox WHERE id = ?", message)
    return str(rows[0][0]) if rows else ""


def most_shown(api: MockAPI, mark: str) -> int:
    """How often a text stands in the conversation that holds it most often."""
    return max((row["conversation"].count(mark) for row in api.asked(mark)), default=0)


def answer_it(body: Body) -> Reply:
    """Codex's call by which it answers the message that it was shown."""
    ids = re.findall(r"multifleet reply ([0-9a-f-]{36})", str(body))
    return {"tools": [("mcp__fleet/fleet_reply", {"id": ids[-1], "body": "MARK-ANSWER it is final"})]}


def begin_with_tools(codex: ClientOnHost) -> None:
    """Before its first turn a thread is nowhere to be found, and its first turns may not know our tools yet."""
    for number in range(20):
        codex.prompt(f"good morning {number}")
        asked = codex.api.wait_for(f"good morning {number}")
        codex.wait_screen(PROMPTS["codex"])
        if "fleet_reply" in str(asked["body"].get("tools")):
            return
    raise AssertionError("Codex does not know the tool to reply")


def listed(claude: ClaudeOnHost) -> set[str]:
    """The seats of other machines that the client lists."""
    return {record["name"] for record in claude.records() if str(record.get("pidDomain")).startswith("multifleet:")}


def test_claude_writes_to_the_three_others_by_its_own_tool_and_codex_answers(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    with ExitStack() as stack:
        claude_api = stack.enter_context(mock_api_on(mac1.host))
        apis = {client: stack.enter_context(mock_for(client, mac2.host)) for client in OTHERS}
        others = {client: ClientOnHost(client, mac2.host, apis[client]) for client in OTHERS}
        for other in others.values():
            stack.callback(other.end)
            other.start()
        arguments = ("--permission-mode", "default")
        claude = stack.enter_context(ClaudeOnHost(mac1.host, claude_api, project="here", arguments=arguments))
        claude_api.when("tell all", {"tools": [("SendMessage", word) for word in WORDS]}, once=True)
        apis["codex"].when("MARK-CODEX", answer_it, once=True)
        for other in others.values():
            other.wait_ready()
        begin_with_tools(others["codex"])
        wait_for(lambda: {word["to"] for word in WORDS} <= listed(claude), 30, what="all three listed")
        claude.prompt("tell all")
        asked = apis["codex"].wait_for("MARK-CODEX")
        assert "from mac1/here" in asked["conversation"], "it is woken, and nobody types"
        answered = claude_api.wait_for("MARK-ANSWER")
        assert 'from-name=\\"mac2/codex\\"' in answered["conversation"]
        for client in ("gemini", "qwen"):
            assert "from mac1/here" in apis[client].wait_for(f"MARK-{client.upper()}")["conversation"]
        ids = {message["to"]: message["id"] for message in mac1.ask("outbox")["messages"]}
        mac1.wait_state(ids["mac2/codex"], "answered", 40)
        for client in ("gemini", "qwen"):
            mac1.wait_state(ids[f"mac2/{client}"], "seen", 40)
    for client in OTHERS:
        assert most_shown(apis[client], f"MARK-{client.upper()}") == 1
        events = mac1.trace(ids[f"mac2/{client}"], verify=True)["events"]
        states = [event["state"] for event in events]  # an answer by our tool may be there before that a hook was asked
        assert states[:2] == ["queued", "stored"] and set(states[2:]) <= {"offered", "seen", "answered"}
        assert all(event["verified"] is not False for event in events)
        assert {event["by"] for event in events[1:]} == {"mac2"}


def calls_and_waits(body: Body) -> Reply:
    """What a model says that calls a tool and is silent after that, but for the last question."""
    said = str(body)
    return {"text": "good night"} if "good night" in said else TOO_LATE if CALLED in said else {"tools": [(CALLED, {})]}


class Killed:
    """A client on mac2 that is killed."""

    def __init__(self, client: str, node: FleetNode, api: MockAPI) -> None:
        self.mark = f"MARK-{client.upper()}"
        self.api = api
        self.is_claude = client == "claude"
        self.one: Any = (
            ClaudeOnHost(node.host, api, project=client, plugin=ROOT)
            if self.is_claude
            else ClientOnHost(client, node.host, api)
        )

    def kill_in_its_turn(self) -> None:
        """One question, killed when its model was given the text and before it has said anything."""
        self.api.when("good morning", TOO_LATE, once=True)
        asking = self.one.begin("good morning")
        self.api.wait_for(self.mark, 30)
        self._kill(asking)

    def kill_after_its_model_spoke(self, wait: Callable[[], None]) -> None:
        """Another question, killed in the middle of its turn, once that which is waited for has come."""
        self.api.when("", calls_and_waits)
        asking = self.one.begin("good evening")
        wait()
        self._kill(asking)

    def _kill(self, asking: Proc) -> None:
        if self.is_claude:
            asking.kill()
        else:
            self.one.kill()
            asking.wait()


@pytest.fixture
def killed(fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[Killed]:
    host = fleet["mac2"].host
    with mock_api_on(host) if request.param == "claude" else mock_for(request.param, host) as api:
        yield Killed(request.param, fleet["mac2"], api)


@pytest.mark.parametrize("killed", ["claude", *OTHERS], indirect=True)
def test_a_session_killed_on_any_rung_leaves_its_mail_to_the_next_one_which_gets_it_once(
    fleet: Fleet, killed: Killed, request: pytest.FixtureRequest
) -> None:
    mac1, mac2 = fleet.nodes
    client = request.node.callspec.params["killed"]
    killed.api.when("think long", TOO_LATE, once=True)
    with killed.one:
        killed.one.prompt("think long")
        killed.api.wait_for("think long")
        wait_for(lambda: client in str(mac2.get("/sessions?here=true")["sessions"]), 30, 0.1, "the session")
        id = mac1.send(f"mac2/{client}", f"{killed.mark} rebase please")
        wait_for(lambda: state_at(mac2, id) in ("offering", "offered"), 40, what="given to a busy session")
        killed.one.kill()
        wait_for(lambda: state_at(mac2, id) == "stored", 40, what="given back")
    assert not killed.api.asked(killed.mark) and "seen" not in mac1.states(id)
    killed.kill_in_its_turn()
    wait_for(lambda: state_at(mac2, id) == "stored", 40, what="given back again")
    killed.kill_after_its_model_spoke(lambda: mac1.wait_state(id, "seen", 40))
    killed.one.ask("good night")
    questions = ("think long", "good morning", "good evening", "good night")
    given = [row["conversation"] for row in killed.api.asked(killed.mark)]
    told = {question for conversation in given for question in questions if question in conversation}
    assert told == {"good morning", "good evening"} and most_shown(killed.api, killed.mark) == 1
