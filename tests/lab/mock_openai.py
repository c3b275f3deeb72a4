"""A scripted Responses API on loopback: what Codex speaks, with the script and the record of mock_anthropic.

Qwen Code speaks the older chat completions, in which a tool of a reply is a tool call.

A tool of a reply is a function call; one whose name has a "/" is that of a namespace, as Codex groups MCP tools.
"""

import json
import time
from typing import Any

from tests.lab.mock_anthropic import Body, Handler, MockAPI, Reply


class MockOpenAI(MockAPI):
    """The server; Codex is told its `url` with /v1 after it."""

    def handler(self) -> type[Handler]:
        return ResponsesHandler

    def text_of(self, body: Body) -> str:
        """All that came since the model last spoke."""
        return "\n".join(text for item in _since_last_answer(body) for text in _texts(item))

    def items_of(self, reply: Reply) -> list[Body]:
        """The reply as output items."""
        items: list[Body] = []
        if text := reply.get("text"):
            content = [{"type": "output_text", "text": text, "annotations": []}]
            items.append({"type": "message", "id": self.new_id("msg"), "role": "assistant", "content": content})
        for name, given in reply.get("tools", []):
            namespace, _, plain = name.rpartition("/")
            item = {"type": "function_call", "id": self.new_id("fc"), "call_id": self.new_id("call"), "name": plain}
            item["arguments"] = json.dumps(given)
            items.append(item | ({"namespace": namespace} if namespace else {}))
        return [item | {"status": "completed"} for item in items]

    def response_of(self, body: Body, items: list[Body]) -> Body:
        """A whole response."""
        usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        response = {"id": self.new_id("resp"), "object": "response", "status": "completed", "output": items}
        return response | {"model": body.get("model", "mock"), "usage": usage}

    def new_id(self, kind: str) -> str:
        """A fresh one."""
        return f"{kind}_{next(self._ids):016d}"


class ResponsesHandler(Handler):
    """One connection of Codex."""

    mock: MockOpenAI

    def do_GET(self) -> None:
        self.send_json({"object": "list", "data": [], "models": []})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body: Body = json.loads(raw) if raw.startswith(b"{") else {}
        is_chat = self.path.endswith("/chat/completions")
        model = (is_chat or self.path.endswith("/responses")) and bool(body.get("tools"))
        conversation = json.dumps(body.get("messages" if is_chat else "input"), ensure_ascii=False)
        self.mock.record(
            {"at": time.time(), "path": self.path, "model": model, "body": body, "conversation": conversation}
        )
        try:
            if is_chat:
                self.answer_chat(body, self.mock.reply_to(body) if model else self.mock.default)
            elif self.path.endswith("/responses"):
                self.answer(body, self.mock.reply_to(body) if model else self.mock.default)
            else:
                self.send_json({})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client was interrupted, which is a case under test

    def answer_chat(self, body: Body, reply: Reply) -> None:
        """The same in the older form, that of chat completions."""
        if reply.get("delay"):
            time.sleep(reply["delay"])
        if status := reply.get("status"):
            return self.send_json({"error": {"type": "server_error", "message": "mock"}}, status)
        said: Body = {"role": "assistant", "content": reply.get("text", "")}
        functions = [{"name": name, "arguments": json.dumps(given)} for name, given in reply.get("tools", [])]
        calls = [
            {"index": index, "id": self.mock.new_id("call"), "type": "function", "function": function}
            for index, function in enumerate(functions)
        ]
        if calls:
            said["tool_calls"] = calls
        ended = "tool_calls" if calls else "stop"
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        whole = {"id": "mock", "created": 1, "model": body.get("model", "mock"), "usage": usage}
        if not body.get("stream"):
            choice = {"index": 0, "message": said, "finish_reason": ended}
            return self.send_json(whole | {"object": "chat.completion", "choices": [choice]})
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for choice in ({"delta": said, "finish_reason": None}, {"delta": {}, "finish_reason": ended}):
            piece = whole | {"object": "chat.completion.chunk", "choices": [choice | {"index": 0}]}
            self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def answer(self, body: Body, reply: Reply) -> None:
        """One turn of the model, as SSE when the client streams."""
        if reply.get("delay"):
            time.sleep(reply["delay"])
        if status := reply.get("status"):
            return self.send_json({"error": {"type": "server_error", "message": "mock"}}, status)
        items = self.mock.items_of(reply)
        response = self.mock.response_of(body, items)
        if not body.get("stream"):
            return self.send_json(response)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        begun = response | {"status": "in_progress", "output": [], "usage": None}
        self.send_event("response.created", response=begun)
        for index, item in enumerate(items):
            self.send_event("response.output_item.added", output_index=index, item=item | {"status": "in_progress"})
            if item["type"] == "message":
                delta = item["content"][0]["text"]
                place = {"item_id": item["id"], "output_index": index, "content_index": 0}
                self.send_event("response.output_text.delta", **place, delta=delta)
            self.send_event("response.output_item.done", output_index=index, item=item)
        self.send_event("response.completed", response=response)
        self.close_connection = True


def roles_of(body: Body, text: str) -> list[str]:
    """In whose name a text stands in a request, in order."""
    found = [item for item in _items(body) if text in json.dumps(item, ensure_ascii=False)]
    return [item.get("role") or item["type"] for item in found]


def _items(body: Body) -> list[dict[str, Any]]:
    given = body.get("input") or body.get("messages") or []
    return [item for item in (given if isinstance(given, list) else [given]) if isinstance(item, dict)]


def _since_last_answer(body: Body) -> list[dict[str, Any]]:
    items = _items(body)
    start = len(items)
    while start and items[start - 1].get("role") != "assistant" and items[start - 1].get("type") != "function_call":
        start -= 1
    return items[start:]


def _texts(item: dict[str, Any]) -> list[str]:
    if isinstance(item.get("output"), str):
        return [item["output"]]
    content = item.get("content")
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content or [] if isinstance(part, dict) and isinstance(part.get("text"), str)]
