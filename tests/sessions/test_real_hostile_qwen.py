"""The corpus of hostile texts before the real Qwen Code's model, by its inbox, its hook and MCP: as it was fenced, or
as it was listed, inside of the marks that the client itself puts around each, with angle brackets as it writes them."""

import asyncio
import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from multifleet.core.fence import DEFAULT_BUDGET
from multifleet.core.visible import is_inert
from multifleet.sessions.qwen_inbox import post
from tests.lab.mock_openai import MockOpenAI
from tests.sessions.real_qwen import RealQwen
from tests.sessions.test_real_hostile import Hostile, all_lists, hostile_messages, in_pieces, texts
from tests.sessions.test_real_hostile_gemini import Laying
from tests.stand_in import serving

pytestmark = [pytest.mark.real_clients, pytest.mark.timeout(240)]

LAID_ASIDE = "<persisted-output>"


async def test_by_its_inbox_every_hostile_text_stays_behind_its_fence(tmp_path: Path) -> None:
    pieces = list(in_pieces(hostile_messages(), DEFAULT_BUDGET))
    with MockOpenAI() as api:
        async with RealQwen(api, tmp_path / "user", tmp_path / "daemon", tmp_path / "user/project") as qwen:
            session = await qwen.session()
            for mark, fenced in pieces:
                await post(
                    qwen.registry,
                    session,
                    offer_id=str(uuid.uuid4()),
                    text=fenced.text,
                    reply=None,
                    from_name="mac2/web",
                    from_mode="prompting",
                )
                assert await asyncio.to_thread(api.wait_for, mark, 60.0)
    wrapped = r'<cross_session_message from="[^"<>]*" name="mac2/web">\n…\n</cross_session_message>'
    for mark, fenced in pieces:
        around = _around(api, mark, fenced.text.replace("<", "&lt;"))
        assert re.fullmatch(wrapped + r"\n\nThis came from [^<>]*", around)


async def test_by_its_hook_and_by_mcp_every_hostile_text_stays_what_it_is(tmp_path: Path) -> None:
    [(mark, fenced)] = in_pieces(hostile_messages(), 100_000)
    home = tmp_path / "daemon"
    home.mkdir(mode=0o700)
    node = Laying(home, fenced.text)
    with MockOpenAI() as api:
        calls = [("mcp__fleet__fleet_inbox", {"seat": seat}) for seat in Hostile.SEATS]
        api.when("what is there", {"tools": calls}, once=True)
        async with serving(home, node) as door:
            qwen = RealQwen(api, tmp_path / "user", home, tmp_path / "user/project")
            server = {"httpUrl": f"http://127.0.0.1:{door.addresses[0][1]}/mcp", "trust": True}
            qwen.settings = {"mcpServers": {"fleet": server}}
            await qwen.ask("what is there?", "--approval-mode", "yolo")
    around = _around(api, mark, fenced.text.replace("<", "&lt;").replace(">", "&gt;"))
    assert around == "<qwen:user-prompt-submit-context>\n…\n</qwen:user-prompt-submit-context>"
    said = ["".join(texts(output)) for output in _outputs(max(_requests(api), key=lambda body: len(_outputs(body))))]
    assert len(said) == len(calls) and all(is_inert(text) for text in said)
    given = await all_lists(node)
    aside = [text for text in said if LAID_ASIDE in text]  # of a long one its model is shown the beginning
    for text in said:
        if text not in aside:
            given.remove(json.JSONDecoder().raw_decode(text[text.index('{"warning"') :])[0])
    assert len(given) == len(aside) <= 1


def _around(api: MockOpenAI, mark: str, text: str) -> str:
    """What the client has put around a text in the first request that holds it, where its user's words stand."""
    request = next(row["body"] for row in api.requests if row["model"] and mark in row["conversation"])
    [message] = [one for one in request["messages"] if any(mark in said for said in texts(one))]
    assert message["role"] == "user" and mark not in json.dumps(request["tools"])
    [holder] = [said for said in texts(message["content"]) if mark in said]
    assert text in holder, "the client has changed what was fenced"
    before, after = holder.split(text)
    assert mark not in before + after
    return f"{before}…{after}"


def _requests(api: MockOpenAI) -> list[dict[str, Any]]:
    return [row["body"] for row in api.requests if row["model"]]


def _outputs(body: dict[str, Any]) -> list[Any]:
    return [one["content"] for one in body["messages"] if one["role"] == "tool"]
