"""The scripted API answers as its script says, streamed and whole, and ends with its block."""

import asyncio
import json
import time
from typing import Any

import aiohttp

from multifleet.sessions.mock_messages_api import Answer, MockMessagesApi


def body(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


async def ask(api: MockMessagesApi, request: dict[str, Any]) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(f"{api.url}/v1/messages", json=request) as answer:
        return answer.status, await answer.text()


async def test_a_rule_answers_and_the_default_answers_the_rest() -> None:
    async with MockMessagesApi(Answer(text="default")) as api:
        api.when("ping", Answer(text="pong"), once=True)
        texts = [json.loads((await ask(api, body("a ping")))[1])["content"][0]["text"] for _ in range(2)]
        assert texts == ["pong", "default"]
        assert api.given("a ping") and not api.given("pong")


async def test_a_streamed_answer_has_the_same_blocks() -> None:
    async with MockMessagesApi() as api:
        api.default = Answer(text="word", tools=(("Bash", {"command": "ls"}),))
        _, text = await ask(api, body("x", stream=True))
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        assert [event["type"] for event in events] == [
            "message_start",
            *["content_block_start", "content_block_delta", "content_block_stop"] * 2,
            "message_delta",
            "message_stop",
        ]
        assert events[2]["delta"]["text"] == "word"
        assert json.loads(events[5]["delta"]["partial_json"]) == {"command": "ls"}
        assert events[7]["delta"]["stop_reason"] == "tool_use"


async def test_the_results_of_tools_can_be_matched() -> None:
    async with MockMessagesApi() as api:
        api.when("it ran", Answer(text="good"))
        result = {"type": "tool_result", "content": [{"type": "text", "text": "it ran"}]}
        request = {"model": "m", "messages": [{"role": "user", "content": [result]}]}
        assert "good" in (await ask(api, request))[1]


async def test_an_error_is_one() -> None:
    async with MockMessagesApi(Answer(status=529)) as api:
        assert (await ask(api, body("x")))[0] == 529


async def test_waiting_for_a_text_ends_when_it_arrives_or_in_time() -> None:
    async with MockMessagesApi() as api:
        waiting = asyncio.create_task(api.wait_for("ping", 30.0))
        await ask(api, body("ping"))
        assert await waiting
        assert not await api.wait_for("never", 0.01)


async def test_leaving_the_block_does_not_wait_for_a_slow_answer() -> None:
    began = time.monotonic()
    async with MockMessagesApi(Answer(delay=60.0)) as api:
        asking = asyncio.create_task(ask(api, body("slow")))
        assert await api.wait_for("slow", 20.0)
    await asyncio.gather(asking, return_exceptions=True)
    assert time.monotonic() - began < 30.0


async def test_what_is_no_request_is_closed() -> None:
    async with MockMessagesApi() as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(api.url.rpartition(":")[2]))
        writer.write(b"junk\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
