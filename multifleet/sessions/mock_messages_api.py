"""A Messages API on loopback that answers from a script: what a real client is tested and shown against.

It never leaves the machine, takes any key, and keeps of a request only its JSON body.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says: a text, calls of tools (name, input), both after `delay` seconds, or an error
    `status`."""

    text: str = ""
    tools: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    delay: float = 0.0
    status: int = 200


class MockMessagesApi:
    """`async with MockMessagesApi() as api`: serves at `api.url` until the block is left."""

    def __init__(self, default: Answer | None = None) -> None:
        self.default = default or Answer(text="Understood.")
        self.requests: list[dict[str, Any]] = []
        self.url = ""
        self._rules: list[tuple[re.Pattern[str], Answer, bool]] = []
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[Any]] = set()
        self._number = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MAX_HEAD)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    def when(self, pattern: str, answer: Answer, *, once: bool = False) -> None:
        """Answers a request whose last user text matches the pattern; the rule made first wins."""
        self._rules.append((re.compile(pattern, re.DOTALL), answer, once))

    def given(self, text: str) -> bool:
        """Whether a request's conversation held the text."""
        return any(text in json.dumps(body.get("messages"), ensure_ascii=False) for body in self.requests)

    async def wait_for(self, text: str, timeout: float) -> bool:
        """Waits until a request's conversation held the text; False when that did not happen in time."""
        try:
            async with asyncio.timeout(timeout), self._arrived:
                await self._arrived.wait_for(lambda: self.given(text))
        except TimeoutError:
            return False
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            await self._answer_one(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the client went away, or sent what is no request: there is nobody to tell
        finally:
            writer.transport.abort() if task.cancelling() else writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        fields = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:])}
        length = int(fields.get("content-length", "0"))
        body = json.loads(await reader.readexactly(min(length, MAX_BODY))) if length else {}
        if method == "POST" and self.is_turn(path):
            await self._answer(body, writer)
        else:
            _write(writer, 200, "application/json", json.dumps({"input_tokens": 1, "data": []}).encode())
        await writer.drain()

    async def _answer(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        async with self._arrived:
            self.requests.append(body)
            self._arrived.notify_all()
        answer = self._chosen(self.text_of(body.get("messages", [])))
        await asyncio.sleep(answer.delay)
        if answer.status != 200:
            said = {"type": "error", "error": {"type": "api_error", "message": "scripted"}}
            _write(writer, answer.status, "application/json", json.dumps(said).encode())
            return
        self._number += 1
        _write(writer, 200, *self.spoken(answer, body, self._number))

    def is_turn(self, path: str) -> bool:
        """Whether a request to this path asks the model for something."""
        return path.startswith("/v1/messages") and "count_tokens" not in path

    def text_of(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The words of a conversation to which the patterns are put."""
        return last_user_text(messages)

    def spoken(self, answer: Answer, body: Mapping[str, Any], number: int) -> tuple[str, bytes]:
        """The answer in the API's own form: its content type and content."""
        message, blocks, stop = self._message(answer, str(body.get("model", "mock")), number)
        if body.get("stream"):
            return "text/event-stream", _events(message, blocks, stop)
        return "application/json", json.dumps({**message, "content": blocks, "stop_reason": stop}).encode()

    def _chosen(self, text: str) -> Answer:
        for rule in self._rules:
            pattern, answer, once = rule
            if pattern.search(text):
                if once:
                    self._rules.remove(rule)
                return answer
        return self.default

    def _message(self, answer: Answer, model: str, number: int) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
        blocks: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.text else []
        for index, (name, given) in enumerate(answer.tools):
            use = f"toolu_{number:06d}{index}"
            blocks.append({"type": "tool_use", "id": use, "name": name, "input": dict(given)})
        message: dict[str, Any] = {
            "id": f"msg_{number:06d}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        return message, blocks, "tool_use" if answer.tools else "end_turn"


def last_user_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """All text, that of tool results included, of the last message of the user's side."""
    for message in reversed(messages):
        if message.get("role") == "user":
            return _text(message.get("content"))
    return ""


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(
        _text(block.get("content") if block.get("type") == "tool_result" else block.get("text"))
        for block in content
        if isinstance(block, dict)
    )


def _events(message: dict[str, Any], blocks: list[dict[str, Any]], stop: str) -> bytes:
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            begin: dict[str, Any] = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            begin = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events.append({"type": "content_block_start", "index": index, "content_block": begin})
        events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": stop, "stop_sequence": None}
    events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}})
    events.append({"type": "message_stop"})
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


def _write(writer: asyncio.StreamWriter, status: int, kind: str, body: bytes) -> None:
    fields = f"content-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close"
    writer.write(f"HTTP/1.1 {status} -\r\n{fields}\r\n\r\n".encode() + body)
