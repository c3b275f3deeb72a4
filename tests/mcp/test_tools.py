"""Operations as tools: schemas a model can fill in, hints a client can rely on."""

import json

import mcp_types as types
import msgspec
import pytest

from multifleet.mcp.tools import input_schema, listing, tool
from multifleet.operations import OPERATIONS, Effect, Operation

LARGEST_LIST = 27 * 1024
BY_NAME = {operation.name: operation for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_argument_of_a_tool_is_described_and_flat(operation: Operation) -> None:
    schema = input_schema(operation)
    assert schema["additionalProperties"] is False
    for argument in schema["properties"].values():
        assert argument["description"].endswith(".")
        assert argument.get("type") in ("string", "integer", "number", "boolean", "array") or "enum" in argument
        assert "$ref" not in json.dumps(argument)


def test_a_message_needs_its_text_and_cannot_claim_an_author() -> None:
    schema = input_schema(BY_NAME["send"])
    assert schema["required"] == ["to", "body"]
    assert not {"payload", "folder"} & schema["properties"].keys()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_hints_follow_the_effect(operation: Operation) -> None:
    hints = tool(operation)["annotations"]
    assert hints["readOnlyHint"] == (operation.effect is Effect.READS)
    assert hints["destructiveHint"] == (operation.effect in (Effect.DISRUPTS, Effect.ENDS))


def test_what_a_session_needs_to_answer_is_loaded_at_once_and_the_rest_when_it_is_looked_for() -> None:
    at_once = [listed["name"] for operation in OPERATIONS if "_meta" in (listed := tool(operation))]
    assert sorted(at_once) == ["fleet_inbox", "fleet_read", "fleet_reply", "fleet_send", "fleet_trace"]
    assert all(tool(BY_NAME[name])["_meta"] == {"anthropic/alwaysLoad": True} for name in ("send", "trace"))


def test_the_official_sdk_understands_every_tool() -> None:
    for operation in OPERATIONS:
        assert types.Tool.model_validate(tool(operation)).name == operation.tool


def test_the_printed_list_is_that_of_the_operations() -> None:
    printed = json.loads(listing(OPERATIONS))
    assert printed["usual"] == [tool(operation) for operation in OPERATIONS if operation.mcp]
    assert printed["others"] == [tool(operation) for operation in OPERATIONS if not operation.mcp]


def test_the_list_of_tools_is_small_enough_for_every_session() -> None:
    offered = [tool(operation) for operation in OPERATIONS if operation.mcp]
    assert 10 <= len(offered) <= 16
    assert len(msgspec.json.encode(offered)) < LARGEST_LIST
    assert len(msgspec.json.encode([tool(operation) for operation in OPERATIONS])) < LARGEST_LIST
