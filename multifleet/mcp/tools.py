"""Operations as MCP tools: names, schemas and hints, all from the list of operations."""

from typing import Any

import mcp_types as types
import msgspec

from multifleet.operations import Effect, Operation


def tool(operation: Operation) -> types.Tool:
    """The operation as a tool; what it changes is said by its effect."""
    return types.Tool(
        name=operation.tool,
        description=operation.description,
        input_schema=input_schema(operation),
        annotations=types.ToolAnnotations(
            read_only_hint=operation.effect is Effect.READS,
            destructive_hint=operation.effect in (Effect.DISRUPTS, Effect.ENDS),
            open_world_hint=False,
        ),
    )


def input_schema(operation: Operation) -> dict[str, Any]:
    """The JSON Schema of the request, without the fields that a model does not fill in."""
    _, shapes = msgspec.json.schema_components((operation.request,))
    schema: dict[str, Any] = shapes[operation.request.__name__]
    left_out = operation.http_only + operation.quiet
    properties = {name: _plain(shape) for name, shape in schema["properties"].items() if name not in left_out}
    required = [name for name in (*schema["required"], *operation.needed) if name in properties]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _plain(shape: dict[str, Any]) -> dict[str, Any]:
    """A property without null among its types and as its default: it may simply be left out."""
    kinds: list[dict[str, Any]] = [kind for kind in shape.get("anyOf", ()) if kind.get("type") != "null"]
    plain = {name: value for name, value in shape.items() if name != "anyOf"}
    if plain.get("default", 0) is None:
        del plain["default"]
    if len(kinds) == 1:
        return kinds[0] | plain
    return plain | ({"anyOf": kinds} if kinds else {})
