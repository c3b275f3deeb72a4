"""Operations as tools: schemas a model can fill in, hints a client can rely on."""

import json
from typing import Any

import msgspec
import pytest

from multifleet.mcp.tools import input_schema, tool
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
    hints = tool(operation).annotations
    assert hints is not None
    assert hints.read_only_hint == (operation.effect is Effect.READS)
    assert hints.destructive_hint == (operation.effect in (Effect.DISRUPTS, Effect.ENDS))


def test_the_list_of_tools_is_small_enough_for_every_session() -> None:
    offered = [_listed(operation) for operation in OPERATIONS if operation.mcp]
    assert 10 <= len(offered) <= 16
    assert len(msgspec.json.encode(offered)) < LARGEST_LIST
    assert len(msgspec.json.encode([_listed(operation) for operation in OPERATIONS])) < LARGEST_LIST


def _listed(operation: Operation) -> dict[str, Any]:
    return tool(operation).model_dump(mode="json", by_alias=True, exclude_none=True)
