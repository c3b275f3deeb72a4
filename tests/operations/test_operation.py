"""What an operation says of itself."""

from typing import Any

import msgspec
import pytest

from multifleet.operations import Effect, Operation, Request, View
from multifleet.operations.messages import Read, Send
from multifleet.operations.views import InboxView


async def wake(node: Any, request: Any) -> View:
    """Wake a machine.

    It takes
    a minute.
    """
    return View()


WAKE = Operation("wake up", "POST /wake", Effect.DISRUPTS, Request, View, wake)


def test_one_name_has_three_spellings() -> None:
    assert (WAKE.name, WAKE.tool, WAKE.slash_command) == ("wake up", "fleet_wake_up", "fleet-wake-up")


def test_its_words_are_the_handlers() -> None:
    assert WAKE.summary == "Wake a machine."
    assert WAKE.description == "Wake a machine. It takes a minute."


def test_its_address_is_a_method_and_a_path() -> None:
    assert (WAKE.method, WAKE.path) == ("POST", "/wake")


def test_from_is_written_without_its_underscore() -> None:
    names = {field.encode_name for field in msgspec.structs.fields(InboxView)}
    assert "from" in names and "from_" not in names


@pytest.mark.parametrize(
    "request_type, given",
    [
        (Send, {"to": "mac2", "body": "x", "color": "red"}),
        (Send, {"to": "mac2", "body": "x", "type": "gossip"}),
        (Send, {"to": ["mac2"], "body": "x"}),
        (Read, {"id": "12345"}),
        (Read, {"id": "../../../etc"}),
        (Read, {"id": "0" * 37}),
    ],
)
def test_a_request_of_another_form_is_refused(request_type: type[Request], given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, request_type)
