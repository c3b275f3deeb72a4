"""The corpus of hostile texts before the real Gemini CLI's model, by its hook and by MCP: as it was fenced, or as it
was listed, inside of the marks that the client itself puts around both."""

import json
from pathlib import Path
from typing import Any

import pytest

from multifleet.core.visible import is_inert
from multifleet.mcp.shown import WARNING
from multifleet.operations.session_views import HookView
from multifleet.sessions.seeds import SeedBox, fragment
from tests.lab.mock_gemini import MockGemini
from tests.sessions.real_gemini import RealGemini
from tests.sessions.test_real_hostile import Hostile, all_lists, hostile_messages, in_pieces, texts
from tests.stand_in import StandIn, serving

pytestmark = pytest.mark.real_clients


class Laying(StandIn):
    """A node that lays a text ready as soon as a session begins, as the daemon does for this client."""

    def __init__(self, home: Path, text: str) -> None:
        super().__init__()
        self.messages = Hostile(self.asked)
        self._box = SeedBox(home)
        self._text = text

    async def hook(self, event: str, session_id: str, *told: Any) -> HookView:
        assert self._box.put(session_id, fragment(self._text))
        return HookView("")


class WithTools(RealGemini):
    """The client with our MCP server among its settings."""

    server = ""

    def prepare(self) -> None:
        super().prepare()
        path = self.home / ".gemini/settings.json"
        settings = json.loads(path.read_text()) | {"mcpServers": {"fleet": {"httpUrl": self.server, "trust": True}}}
        path.write_text(json.dumps(settings))


async def test_by_its_hook_and_by_mcp_every_hostile_text_stays_what_it_is(tmp_path: Path) -> None:
    [(mark, fenced)] = in_pieces(hostile_messages(), 100_000)
    home = tmp_path / "daemon"
    home.mkdir(mode=0o700)
    node = Laying(home, fenced.text)
    calls = [("mcp_fleet_fleet_inbox", {"seat": seat}) for seat in Hostile.SEATS]
    with MockGemini() as api:
        api.when("what is there", {"tools": calls}, once=True)
        async with serving(home, node) as door:
            gemini = WithTools(api, tmp_path / "user", home, tmp_path / "user/project")
            gemini.server = f"http://127.0.0.1:{door.addresses[0][1]}/mcp"
            await gemini.ask("what is there?")
    request = next(row["body"] for row in api.requests if row["model"] and mark in row["conversation"])
    [holder] = [text for text in texts(request["contents"]) if mark in text]
    assert holder == f"<hook_context>{_as_written(fenced.text)}</hook_context>"
    assert mark not in json.dumps([request.get("systemInstruction"), request["tools"]])
    given = [{name: value for name, value in one.items() if name != "warning"} for one in await all_lists(node)]
    assert sorted(_listed(api), key=str) == sorted(given, key=str)


def _as_written(text: str) -> str:
    """As this client writes what a hook says."""
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _listed(api: MockGemini) -> list[Any]:
    """What the tool's results were when the model had them all."""
    request = max((row["body"] for row in api.requests if row["model"]), key=lambda body: len(_responses(body)))
    said = ["".join(text for text in texts(response) if "mac2/api" in text) for response in _responses(request)]
    for text in said:
        assert is_inert(text) and text.count("<untrusted_context>") == text.count("</untrusted_context>") == 1
        assert WARNING in text
    return [json.loads(text[text.index("{") : text.rindex("}") + 1]) for text in said]


def _responses(body: dict[str, Any]) -> list[Any]:
    parts = [part for content in body["contents"] for part in content["parts"]]
    return [part["functionResponse"] for part in parts if "functionResponse" in part]
