"""Operations as MCP tools: names, schemas and hints, all from the list of operations."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from multifleet.operations import Effect, Operation

ALWAYS_LOADED = frozenset({"send", "reply", "inbox", "read", "trace"})
"""Tools that a client which defers tools has before its model at once; without them it could not answer."""


def tool(operation: Operation) -> dict[str, Any]:
    """The operation as a tool; what it changes is said by its effect."""
    listed = {
        "name": operation.tool,
        "description": operation.description,
        "inputSchema": input_schema(operation),
        "annotations": {
            "readOnlyHint": operation.effect is Effect.READS,
            "destructiveHint": operation.effect in (Effect.DISRUPTS, Effect.ENDS),
            "openWorldHint": False,
        },
    }
    return listed | ({"_meta": {"anthropic/alwaysLoad": True}} if operation.name in ALWAYS_LOADED else {})


def input_schema(operation: Operation) -> dict[str, Any]:
    """The JSON Schema of the request, without the fields that a model does not fill in."""
    _, shapes = msgspec.json.schema_components((operation.request,))
    schema: dict[str, Any] = shapes[operation.request.__name__]
    left_out = operation.http_only + operation.quiet
    properties = {name: _plain(shape) for name, shape in schema["properties"].items() if name not in left_out}
    required = [name for name in (*schema["required"], *operation.needed) if name in properties]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def listing(operations: Iterable[Operation]) -> str:
    """The text of tools.json: every tool on a line of its own, those that are offered unless told otherwise first."""
    usual: list[str] = []
    others: list[str] = []
    for operation in operations:
        (usual if operation.mcp else others).append(json.dumps(tool(operation), separators=(",", ":")))
    lists = (f'"{name}": [\n' + ",\n".join(lines) + "\n]" for name, lines in (("usual", usual), ("others", others)))
    return "{" + ",\n".join(lists) + "}\n"


def _plain(shape: dict[str, Any]) -> dict[str, Any]:
    """A property without null among its types and as its default: it may simply be left out."""
    kinds: list[dict[str, Any]] = [kind for kind in shape.get("anyOf", ()) if kind.get("type") != "null"]
    plain = {name: value for name, value in shape.items() if name != "anyOf"}
    if plain.get("default", 0) is None:
        del plain["default"]
    if len(kinds) == 1:
        return kinds[0] | plain
    return plain | ({"anyOf": kinds} if kinds else {})
