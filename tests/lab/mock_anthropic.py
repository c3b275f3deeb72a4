"""A scripted Messages API on loopback: answers the real Claude Code and keeps every request it got.

Never needs a real key, and keeps no header that carries one. A reply is a dict of `text`, `tools` (names and
inputs), `delay` (seconds before the answer), or `status` (an API error).
"""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Reply = dict[str, Any]
Body = dict[str, Any]
KEY_HEADERS = ("x-api-key", "authorization")


def last_user_text(body: Body) -> str:
    """All text (that of tool results too) of the last user message of a request."""
    last = next((m for m in reversed(body.get("messages", [])) if m.get("role") == "user"), None)
    return "\n".join(texts_of(last["content"])) if last else ""


def texts_of(content: Any) -> list[str]:
    """The texts inside a message's content, in order."""
    if isinstance(content, str):
        return [content]
    if isinstance(content, dict):
        return [content["text"]] if content.get("type") == "text" else texts_of(content.get("content"))
    return [text for part in content or [] for text in texts_of(part)]


class MockAPI:
    """The server: `when(pattern, reply)` sets what is answered, `requests` holds what was asked."""

    def __init__(self) -> None:
        self.requests: list[Body] = []
        self.default: Reply = {"text": "mock answer"}
        self._rules: list[tuple[re.Pattern[str], Reply | Callable[[Body], Reply], bool]] = []
        self._news = threading.Condition()
        self._ids = itertools.count(1)
        handler = type("Handler", (self.handler(),), {"mock": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def handler(self) -> "type[Handler]":
        """What speaks the API on a connection."""
        return Handler

    def text_of(self, body: Body) -> str:
        """The words of a request to which the script's patterns are put."""
        return last_user_text(body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def when(self, pattern: str, reply: Reply | Callable[[Body], Reply], once: bool = False) -> None:
        """Answer requests whose last user text matches; the first rule that fits is taken."""
        self._rules.append((re.compile(pattern, re.S), reply, once))

    def record(self, row: Body) -> None:
        """Keep one request and wake who waits for it."""
        with self._news:
            self.requests.append(row)
            self._news.notify_all()

    def asked(self, text: str) -> list[Body]:
        """The requests to the model whose conversation (not tools or system prompt) holds the text."""
        return [row for row in self.requests if row["model"] and text in row["conversation"]]

    def wait_for(self, text: str, timeout: float = 60.0) -> Body:
        """The first request to the model that holds the text; AssertionError when none comes in time."""
        with self._news:
            if not self._news.wait_for(lambda: self.asked(text), timeout):
                raise AssertionError(f"{text!r} did not reach the model within {timeout:g} s")
            return self.asked(text)[0]

    def reply_to(self, body: Body) -> Reply:
        """What the script answers to a request."""
        text = self.text_of(body)
        for rule in list(self._rules):
            pattern, reply, once = rule
            if pattern.search(text):
                if once:
                    self._rules.remove(rule)
                return reply(body) if callable(reply) else reply
        return self.default

    def blocks_of(self, reply: Reply) -> list[Body]:
        """The reply as content blocks of the API."""
        blocks: list[Body] = [{"type": "text", "text": reply["text"]}] if reply.get("text") else []
        for name, given in reply.get("tools", []):
            made = f"toolu_{next(self._ids):06d}"
            blocks.append({"type": "tool_use", "id": made, "name": name, "input": given})
        return blocks

    def message_of(self, body: Body) -> Body:
        """An empty assistant message."""
        usage = {"input_tokens": 10, "output_tokens": 5}
        usage |= {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        message = {"id": f"msg_{next(self._ids):06d}", "type": "message", "role": "assistant", "content": []}
        return message | {
            "model": body.get("model", "mock"),
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }


class Handler(BaseHTTPRequestHandler):
    """One connection of the client's."""

    protocol_version = "HTTP/1.1"
    mock: MockAPI

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""

    def do_HEAD(self) -> None:
        self.send_json({})

    def do_GET(self) -> None:
        self.send_json({"data": [], "has_more": False})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body: Body = json.loads(raw) if raw.startswith(b"{") else {}
        counting = "count_tokens" in self.path
        # a request without tools is for a title or the like: no turn, and it takes no reply from the script
        model = self.path.startswith("/v1/messages") and not counting and bool(body.get("tools"))
        self.mock.record(
            {
                "at": time.time(),
                "path": self.path,
                "model": model,
                "body": body,
                "conversation": json.dumps(body.get("messages"), ensure_ascii=False),
                "headers": {k: v for k, v in self.headers.items() if k.lower() not in KEY_HEADERS},
            }
        )
        try:
            if self.path.startswith("/v1/messages") and not counting:
                self.answer(body, self.mock.reply_to(body) if model else self.mock.default)
            else:
                self.send_json({"input_tokens": 10} if counting else {})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client was interrupted, which is a case under test

    def answer(self, body: Body, reply: Reply) -> None:
        """One turn of the model, as SSE when the client streams."""
        if reply.get("delay"):
            time.sleep(reply["delay"])
        if status := reply.get("status"):
            return self.send_json({"type": "error", "error": {"type": "api_error", "message": "mock"}}, status)
        blocks, message = self.mock.blocks_of(reply), self.mock.message_of(body)
        stop = "tool_use" if reply.get("tools") else "end_turn"
        if not body.get("stream"):
            return self.send_json(message | {"content": blocks, "stop_reason": stop})
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.send_event("message_start", message=message)
        for index, block in enumerate(blocks):
            start, delta = open_block(block)
            self.send_event("content_block_start", index=index, content_block=start)
            self.send_event("content_block_delta", index=index, delta=delta)
            self.send_event("content_block_stop", index=index)
        ended = {"stop_reason": stop, "stop_sequence": None}
        self.send_event("message_delta", delta=ended, usage={"output_tokens": 5})
        self.send_event("message_stop")
        self.close_connection = True

    def send_event(self, kind: str, **fields: Any) -> None:
        """One server-sent event."""
        self.wfile.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode())
        self.wfile.flush()

    def send_json(self, answer: Body, status: int = 200) -> None:
        """A whole answer."""
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def open_block(block: Body) -> tuple[Body, Body]:
    """A content block as its start and its only delta."""
    if block["type"] == "text":
        return {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
    return block | {"input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
