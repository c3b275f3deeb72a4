"""Why a request does not have its form, in words."""

from typing import Any

import msgspec
import pytest

from multifleet.operations import Request
from multifleet.operations.messages import Inbox, Read, Send
from multifleet.operations.refusals import refusal
from multifleet.operations.tracing import Receipts, Trace

NO_ID = "id is a message id or the start of it, at least 6 characters: see outbox and inbox"


@pytest.mark.parametrize(
    "shape, given, words",
    [
        (Read, {"id": "zzz"}, NO_ID),
        (Receipts, {"id": "zzzzzzzz"}, NO_ID),
        (Inbox, {"limit": 0}, "limit is 1 to 1000"),
        (Inbox, {"limit": 1001}, "limit is 1 to 1000"),
        (Inbox, {"limit": "many"}, "limit: expected int, got str"),
        (Inbox, [], "expected object, got array"),
        (Send, {"to": "mac2", "colour": "red"}, "object contains unknown field colour"),
        (Send, {"to": "mac2", "payload": {"body": 1}}, "payload.body: expected str, got int"),
        (Trace, {"id": "019a00", "timeout": -1}, "timeout is 0 to 3600"),
    ],
)
def test_a_refusal_says_what_may_stand_there(shape: type[Request], given: Any, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(given, shape)
    assert refusal(raised.value, shape) == words


def test_the_words_of_a_list_are_named() -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert({"to": "mac2", "urgency": "soon"}, Send)
    told = refusal(raised.value, Send)
    assert told == "urgency is one of next-turn, now, whenever, not 'soon'"
