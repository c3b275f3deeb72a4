"""The same scripted model in the older form of chat completions, which Qwen Code speaks."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from multifleet.sessions.mock_messages_api import Answer, MockMessagesApi


class MockChatApi(MockMessagesApi):
    """`async with MockChatApi() as api`: serves at `api.url`, to which the client adds /v1."""

    def is_turn(self, path: str) -> bool:
        """Whether a request to this path asks the model for something."""
        return path.startswith("/v1/chat/completions")

    def text_of(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """All text, that of tool results included, since the model last spoke."""
        found: list[str] = []
        for message in reversed(messages):
            if message.get("role") == "assistant":
                break
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            found += [str(part.get("text", "")) for part in parts if isinstance(part, dict)]
        return "\n".join(found)

    def spoken(self, answer: Answer, body: Mapping[str, Any], number: int) -> tuple[str, bytes]:
        """The answer in the API's own form: its content type and content."""
        said: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.tools:
            said["tool_calls"] = [
                {
                    "index": index,
                    "id": f"call_{number:06d}{index}",
                    "type": "function",
                    "function": {"name": name, "arguments": json.dumps(dict(given))},
                }
                for index, (name, given) in enumerate(answer.tools)
            ]
        end = "tool_calls" if answer.tools else "stop"
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        whole = {"id": f"chat_{number:06d}", "created": 1, "model": str(body.get("model", "mock")), "usage": usage}
        if not body.get("stream"):
            choice = {"index": 0, "message": said, "finish_reason": end}
            return "application/json", json.dumps({**whole, "object": "chat.completion", "choices": [choice]}).encode()
        choices = ({"delta": said, "finish_reason": None}, {"delta": {}, "finish_reason": end})
        pieces = [
            {**whole, "object": "chat.completion.chunk", "choices": [{**choice, "index": 0}]} for choice in choices
        ]
        return "text/event-stream", b"".join(f"data: {json.dumps(piece)}\n\n".encode() for piece in pieces) + (
            b"data: [DONE]\n\n"
        )
