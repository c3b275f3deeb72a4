"""The corpus of hostile texts before the real Codex's model, by its hooks and by MCP: as it was fenced, or as it was
listed, and in nobody's name but the client's own for what a hook says."""

import json
from pathlib import Path
from typing import Any

import pytest

from multifleet.core.visible import is_inert
from tests.lab.mock_openai import MockOpenAI
from tests.sessions.real_codex import RealCodex
from tests.sessions.test_real_hostile import Hostile, all_lists, hostile_messages, in_pieces, texts
from tests.stand_in import StandIn, serving

pytestmark = pytest.mark.real_clients


async def test_by_its_hooks_and_by_mcp_every_hostile_text_stays_what_it_is(tmp_path: Path) -> None:
    node = StandIn()
    node.messages = Hostile(node.asked)
    daemon = tmp_path / "daemon"
    daemon.mkdir(mode=0o700)
    with MockOpenAI() as api:
        calls = [("mcp__fleet/fleet_inbox", {"seat": seat}) for seat in Hostile.SEATS]
        api.when("what is there", {"tools": calls}, once=True)
        async with serving(daemon, node) as door:
            codex = RealCodex(api, tmp_path / "user", daemon, tmp_path / "user/project")
            server = f'mcp_servers.fleet.url="http://127.0.0.1:{door.addresses[0][1]}/mcp"'
            for mark, fenced in in_pieces(hostile_messages(), 9_500):
                node.hook_text = fenced.text
                await codex.ask("what is there?", "-c", server, "-c", "tool_output_token_limit=50000")
                request = next(row["body"] for row in api.requests if row["model"] and mark in row["conversation"])
                [holder] = [item for item in request["input"] if any(mark in text for text in texts(item))]
                assert holder["role"] == "developer"
                assert [text for text in texts(holder) if mark in text] == [fenced.text]
                assert mark not in json.dumps([request.get("instructions"), request["tools"]])
    assert sorted(_listed(api), key=str) == await all_lists(node)


def _listed(api: MockOpenAI) -> list[Any]:
    """What the tool's results were when the model had them all."""
    request = max((row["body"] for row in api.requests if row["model"]), key=lambda body: len(_outputs(body)))
    said = ["".join(text for text in texts(output) if "mac2/api" in text) for output in _outputs(request)]
    assert all(is_inert(text) for text in said)
    return [json.loads(text[text.index('{"warning"') :]) for text in said]


def _outputs(body: dict[str, Any]) -> list[Any]:
    return [item["output"] for item in body["input"] if item["type"] == "function_call_output"]
