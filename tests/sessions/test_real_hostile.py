"""The whole corpus of hostile texts before the real client's model, by every way that it sees text: what the client's
requests hold is what was fenced, character for character, and nothing of it stands anywhere else."""

import json
import re
import secrets
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from multifleet.core.fence import Authority, Fenced, FencedMessage, fence
from multifleet.core.visible import is_inert
from multifleet.mcp.bounded import bounded
from multifleet.mcp.shown import shown
from multifleet.operations.message_views import InboxListing, InboxView
from multifleet.sessions.mock_messages_api import Answer, MockMessagesApi
from multifleet.sessions.seeds import SeedBox, fragment
from multifleet.sessions.waiters import Waiters
from tests.core.hostile_bodies import HOSTILE
from tests.lab.client_install import CLAUDE_VERSION, EARLIER_CLAUDE
from tests.sessions.plugin_folder import plugin_in
from tests.sessions.real_claude import RealClaude, until
from tests.sessions.test_real_claude import offering
from tests.stand_in import MESSAGE, Messages, StandIn, serving

pytestmark = pytest.mark.real_claude

ROOT = Path(__file__).resolve().parents[2]
TOOL = "mcp__fleet__fleet_inbox"


def hostile_messages() -> list[FencedMessage]:
    return [
        FencedMessage(str(uuid.uuid4()), "mac2/api", Authority.AGENT, "context", name, body, 1_700_000_000.0)
        for name, body in HOSTILE.items()
    ]


def in_pieces(messages: list[FencedMessage], budget: int) -> Iterator[tuple[str, Fenced]]:
    """All of them, in as many fenced texts as they need, each with a mark of its own."""
    while messages:
        mark = secrets.token_hex(12)
        fenced = fence(messages, delimiter=mark, budget=budget)
        yield mark, fenced
        messages = messages[len(fenced.shown) + len(fenced.shortened) :]


def texts(messages: Any) -> list[str]:
    """Every string in what a request says."""
    if isinstance(messages, str):
        return [messages]
    inner = messages.values() if isinstance(messages, dict) else messages if isinstance(messages, list) else ()
    return [text for one in inner for text in texts(one)]


def around(api: MockMessagesApi, text: str, mark: str) -> str:
    """What the client has put around a text in the first request that holds it, where it stands once."""
    request: dict[str, Any] = next(body for body in api.requests if any(mark in one for one in texts(body["messages"])))
    [holder] = [one for one in texts(request["messages"]) if mark in one]
    assert text in holder, "the client has changed what was fenced"
    before, after = holder.split(text)
    assert mark not in before + after
    assert mark not in json.dumps([request.get("system"), request.get("tools")])
    return before + "…" + after


async def test_by_the_inbox_every_hostile_text_stays_behind_its_fence(tmp_path: Path) -> None:
    [(mark, fenced)] = in_pieces(hostile_messages(), 200_000)
    assert len(fenced.shown) == len(HOSTILE)
    async with offering(tmp_path) as one:
        offer = str(uuid.uuid4())
        await one.post(offer, fenced.text)
        await one.wait_ended(offer)
        wrapper = around(one.claude.api, fenced.text, mark)
    assert wrapper.count("<cross-session-message ") == wrapper.count("</cross-session-message>") == 1
    assert re.search(r'<cross-session-message [^>]*from-name="mac2/web"[^>]*>\n…\n</cross-session-message>', wrapper)
    assert "from-mode" not in wrapper


async def test_by_what_wakes_an_earlier_client_every_hostile_text_stays_behind_its_fence(tmp_path: Path) -> None:
    home = tmp_path / "daemon"
    home.mkdir(mode=0o700)
    plugin = plugin_in(tmp_path)
    shutil.copytree(ROOT / ".claude-plugin", plugin / ".claude-plugin")
    [(mark, fenced)] = in_pieces(hostile_messages(), 100_000)
    async with MockMessagesApi() as api, serving(home, StandIn()):
        words = ("--plugin-dir", str(plugin))
        user = tmp_path / "user"
        async with RealClaude(api, user, *words, version=EARLIER_CLAUDE, MULTIFLEET_HOME=str(home)) as claude:
            session, pid = claude.session.session_id, claude.session.pid
            assert SeedBox(home).put(session, fragment(fenced.text))
            await until(lambda: Waiters(home).ring(session, pid))
            assert await api.wait_for(mark, 60.0)
    wrapper = around(api, fenced.text, mark)
    assert wrapper.count("<system-reminder>") == wrapper.count("</system-reminder>")
    assert re.search(r"<system-reminder>\s*Messages for this session:\s…\s*</system-reminder>", wrapper)


class Hostile(Messages):
    """Inboxes in which each text is hostile; the seat is the number of the inbox."""

    BODIES = tuple(body.encode(errors="ignore").decode() for body in HOSTILE.values())  # no peer can send half a pair
    EACH = 15
    SEATS = tuple(str(number) for number in range(-(-len(BODIES) // EACH)))

    async def inbox(self, seat: str | None, unread: bool, limit: int) -> list[InboxView]:
        begin = int(seat or "0") * self.EACH
        return [msgspec.structs.replace(MESSAGE, body=body) for body in self.BODIES[begin : begin + self.EACH]]


@pytest.mark.parametrize(("version", "way"), [(CLAUDE_VERSION, "http"), (EARLIER_CLAUDE, "stdio")])
async def test_by_hooks_and_by_mcp_every_hostile_text_stays_what_it_is(tmp_path: Path, version: str, way: str) -> None:
    session, node = str(uuid.uuid4()), StandIn()
    node.messages = Hostile(node.asked)
    pieces = list(in_pieces(hostile_messages(), 9_500))
    hooks = []
    for number, (_, fenced) in enumerate(pieces):
        home = tmp_path / f"home-{number}"
        home.mkdir(mode=0o700)
        assert SeedBox(home).put(session, fragment(fenced.text))
        script = f"MULTIFLEET_HOME={home} exec /bin/sh {ROOT}/hooks/hand-over.sh UserPromptSubmit"
        hooks.append({"hooks": [{"type": "command", "command": script}]})
    daemon = tmp_path / "daemon"
    daemon.mkdir(mode=0o700)
    environment = {"MULTIFLEET_HOME": str(daemon), "PYTHONPATH": str(ROOT)}
    async with MockMessagesApi() as api, serving(daemon, node) as door:
        over_http = {"type": "http", "url": f"http://127.0.0.1:{door.addresses[0][1]}/mcp"}
        bridge = {"command": sys.executable, "args": ["-m", "multifleet", "mcp"], "env": environment}
        server = over_http if way == "http" else bridge
        api.when(
            "what is there", Answer(tools=tuple((TOOL, {"seat": seat}) for seat in node.messages.SEATS)), once=True
        )
        claude = RealClaude(api, tmp_path / "user", version=version)
        answer = await claude.ask(
            "what is there?",
            *("--session-id", session, "--allowedTools", TOOL),
            *("--settings", json.dumps({"hooks": {"UserPromptSubmit": hooks}})),
            *("--mcp-config", json.dumps({"mcpServers": {"fleet": server}})),
        )
    assert (answer["returncode"], answer["is_error"]) == (0, False)
    for mark, fenced in pieces:
        assert re.search("UserPromptSubmit hook additional context: …$", around(api, fenced.text, mark), re.MULTILINE)
    shown_to_model = [content for content in tool_results(api.requests[-1]) if is_inert(content)]
    assert all(content.startswith('{"warning":"') for content in shown_to_model)
    assert sorted(map(json.loads, shown_to_model), key=str) == await all_lists(node), "in whatever order they ended"


async def all_lists(node: StandIn) -> list[Any]:
    """What MCP gives of the hostile inboxes."""
    given = []
    for seat in Hostile.SEATS:
        listing = InboxListing(messages=await node.messages.inbox(seat, False, 50))
        given.append(shown("inbox", bounded("inbox", json.loads(msgspec.json.encode(listing))))[1])
    return sorted(given, key=str)


def tool_results(request: dict[str, Any]) -> list[str]:
    blocks = [block for one in request["messages"] if isinstance(one["content"], list) for block in one["content"]]
    results = [block["content"] for block in blocks if block["type"] == "tool_result"]
    return ["".join(texts([part["text"] for part in one])) if isinstance(one, list) else one for one in results]
