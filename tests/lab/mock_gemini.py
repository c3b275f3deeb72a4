"""A scripted generateContent API on loopback for Gemini CLI, with the script and the record of mock_anthropic."""

import json
import time
from typing import Any

from tests.lab.mock_anthropic import Body, Handler, MockAPI, Reply


class MockGemini(MockAPI):
    """The server; Gemini CLI is told its `url` in $GOOGLE_GEMINI_BASE_URL."""

    def handler(self) -> type[Handler]:
        return GenerateHandler

    def text_of(self, body: Body) -> str:
        """All that came since the model last spoke."""
        contents = body.get("contents") or []
        start = len(contents)
        while start and contents[start - 1].get("role") != "model":
            start -= 1
        return "\n".join(text for content in contents[start:] for text in _texts(content))

    def answer_of(self, reply: Reply) -> Body:
        """The reply as a candidate."""
        parts: list[Body] = [{"text": reply["text"]}] if reply.get("text") else []
        for name, given in reply.get("tools", []):
            parts.append({"functionCall": {"name": name, "args": given, "id": f"call-{next(self._ids):06d}"}})
        candidate = {"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": parts}}
        usage = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "mock", "responseId": "mock"}


class GenerateHandler(Handler):
    """One connection of Gemini CLI."""

    mock: MockGemini

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body: Body = json.loads(raw) if raw.startswith(b"{") else {}
        verb = self.path.partition("?")[0].rpartition(":")[2]
        model = verb in ("generateContent", "streamGenerateContent") and bool(body.get("tools"))
        conversation = json.dumps(body.get("contents"), ensure_ascii=False)
        self.mock.record(
            {"at": time.time(), "path": self.path, "model": model, "body": body, "conversation": conversation}
        )
        try:
            if verb == "countTokens":
                self.send_json({"totalTokens": 10})
            elif "enerateContent" in verb:
                self.answer(self.mock.reply_to(body) if model else self.mock.default, stream=verb.startswith("stream"))
            else:
                self.send_json({})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client was interrupted, which is a case under test

    def answer(self, reply: Reply, *, stream: bool) -> None:
        """One turn of the model."""
        if reply.get("delay"):
            time.sleep(reply["delay"])
        if status := reply.get("status"):
            return self.send_json({"error": {"code": status, "message": "mock", "status": "INTERNAL"}}, status)
        answer = self.mock.answer_of(reply)
        if not stream:
            return self.send_json(answer)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(b"data: " + json.dumps(answer).encode() + b"\r\n\r\n")
        self.close_connection = True


def _texts(content: dict[str, Any]) -> list[str]:
    return [part["text"] for part in content.get("parts") or [] if isinstance(part, dict) and "text" in part]
