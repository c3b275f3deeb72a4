"""Requests to the JetStream of a NATS server, and what it answers, of which nothing is believed but its shape."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multifleet.channels.nats_wire import Wire

ANSWER_SECONDS = 2.0
ANSWER_LIMIT = 1 << 20
"""Bytes of an answer; the longest is a list of 256 streams."""


class Refused(Exception):
    """JetStream did not do it; the message says why. `code` is its own number, 0 where it gave none."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


async def api(wire: "Wire", what: str, body: object = None) -> dict[str, Any]:
    """What it answers to one request; Refused where that is an error, or nothing within ANSWER_SECONDS."""
    from multifleet.channels.nats_wire import WireError

    data = b"" if body is None else json.dumps(body).encode()
    try:
        message = await wire.ask(f"$JS.API.{what}", data, ANSWER_SECONDS)
    except WireError as error:
        raise Refused(0, f"{error}") from None
    return read(message.data)


def read(data: bytes) -> dict[str, Any]:
    """What JetStream answered; Refused where it is an error, or no answer of it at all."""
    try:
        said = json.loads(data) if len(data) <= ANSWER_LIMIT else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Refused(0, "it answers in another language")
    if isinstance(error := said.get("error"), dict):
        code = error.get("err_code")
        raise Refused(code if isinstance(code, int) else 0, str(error.get("description", ""))[:200])
    return said
