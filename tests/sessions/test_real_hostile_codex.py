"""The corpus of hostile texts before the real Codex's model, by each of its hooks, beside what wakes it, and by MCP: as
it was fenced, or as it was listed, and in nobody's name but the client's own for what a hook says."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from multifleet.core.visible import is_inert
from multifleet.sessions.base import Status
from multifleet.sessions.codex_queue import WORDS, ring
from multifleet.sessions.seeds import SeedBox, fragment
from tests.lab.mock_openai import MockOpenAI
from tests.sessions.real_claude import until
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
                assert _around(api, mark, fenced.text) == ("developer", "…")
    assert sorted(_listed(api), key=str) == await all_lists(node)


class LaidMeanwhile(MockOpenAI):
    """It lays a text ready for a session while the model works on what holds another one's mark."""

    def __init__(self, box: SeedBox) -> None:
        super().__init__()
        self._box = box
        self._next: dict[str, tuple[str, str]] = {}

    def lay(self, session: str, text: str, at: str) -> None:
        """Once, when the model is asked with `at`."""
        self._next[at] = (session, text)

    def record(self, row: dict[str, Any]) -> None:
        for mark in [mark for mark in self._next if row["model"] and mark in row["conversation"]]:
            session, text = self._next.pop(mark)
            assert self._box.put(session, fragment(text))
        super().record(row)


async def test_by_what_a_woken_thread_is_shown_every_hostile_text_stays_behind_its_fence(tmp_path: Path) -> None:
    daemon, node = tmp_path / "daemon", StandIn()
    node.hook_text = ""
    daemon.mkdir(mode=0o700)
    box = SeedBox(daemon)
    pieces = list(in_pieces(hostile_messages(), 9_500))
    at_the_end = list(in_pieces(hostile_messages(), 9_500))
    with LaidMeanwhile(box) as api:
        codex = RealCodex(api, tmp_path / "user", daemon, tmp_path / "user/project")
        async with serving(daemon, node), codex:
            await codex.prompt("good morning")
            assert await asyncio.to_thread(api.wait_for, "good morning")
            session = await codex.session()
            await until(lambda: [one for one in codex.threads.find().sessions if one.status is Status.IDLE])
            for (mark, fenced), (last, ending) in zip(pieces, at_the_end, strict=True):
                assert box.put(session.session_id, fragment(fenced.text))
                api.lay(session.session_id, ending.text, at=mark)
                await ring(codex.home / ".codex", session)
                assert await asyncio.to_thread(api.wait_for, last), "the turn went on with what came meanwhile"
    for mark, fenced in pieces:
        assert _around(api, mark, fenced.text) == ("developer", "…")
        assert [texts(item["content"])[-1] for item in _with(_first(api, mark), "multifleet: ")][-1] == WORDS
    for mark, fenced in at_the_end:
        role, around = _around(api, mark, _as_written(fenced.text))
        assert role == "user" and re.fullmatch(r'<hook_prompt hook_run_id="stop:[^"]*">…</hook_prompt>', around)


def _around(api: MockOpenAI, mark: str, text: str) -> tuple[str, str]:
    """In whose name a text stands in the first request that holds it, where it stands once, and what is around it."""
    request = _first(api, mark)
    [holder] = _with(request, mark)
    [said] = [one for one in texts(holder) if mark in one]
    assert text in said, "the client has changed what was fenced"
    before, after = said.split(text)
    assert mark not in json.dumps([before, after, request.get("instructions"), request["tools"]])
    return holder["role"], f"{before}…{after}"


def _as_written(text: str) -> str:
    """As this client writes what a hook says at the end of a turn."""
    return escape(text.rstrip("\n"))


def _first(api: MockOpenAI, mark: str) -> dict[str, Any]:
    return next(row["body"] for row in api.requests if row["model"] and mark in row["conversation"])


def _with(request: dict[str, Any], text: str) -> list[dict[str, Any]]:
    return [item for item in request["input"] if any(text in one for one in texts(item))]


def _listed(api: MockOpenAI) -> list[Any]:
    """What the tool's results were when the model had them all."""
    request = max((row["body"] for row in api.requests if row["model"]), key=lambda body: len(_outputs(body)))
    said = ["".join(text for text in texts(output) if "mac2/api" in text) for output in _outputs(request)]
    assert all(is_inert(text) for text in said)
    return [json.loads(text[text.index('{"warning"') :]) for text in said]


def _outputs(body: dict[str, Any]) -> list[Any]:
    return [item["output"] for item in body["input"] if item["type"] == "function_call_output"]
