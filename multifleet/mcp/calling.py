"""A call of a tool, carried out on a node: arguments in, and out what a model may be shown of the result."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec

from multifleet.core.visible import visible
from multifleet.errors import MultifleetError
from multifleet.mcp.bounded import bounded
from multifleet.mcp.protocol import Call
from multifleet.mcp.shown import shown
from multifleet.operations.refusals import refusal

if TYPE_CHECKING:
    from multifleet.node.node import Node
    from multifleet.operations import Operation

LARGE = 64 * 1024
"""Bytes of a result that is made inert beside the event loop."""

_encoder = msgspec.json.Encoder()


async def call(node: "Node", operation: "Operation", asked: Call, quiet: dict[str, str]) -> dict[str, Any]:
    """The response to the call; `quiet` holds what is known of the caller without its model's word."""
    hidden = asked.arguments.keys() & {*operation.quiet, *operation.http_only}
    if hidden:
        return asked.answer(f"{operation.tool} takes no {', '.join(sorted(hidden))}")
    values = asked.arguments | {name: value for name, value in quiet.items() if name in operation.quiet}
    try:
        view = await operation.handler(node, msgspec.convert(values, operation.request))
    except msgspec.ValidationError as error:
        return asked.answer(visible(refusal(error, operation.request), one_line=True))
    except MultifleetError as error:
        return asked.answer(visible(" ".join(str(error).split()), one_line=True))
    result = _encoder.encode(view)
    if len(result) > LARGE:
        return await asyncio.to_thread(_answer, operation.name, result, asked)
    return _answer(operation.name, result, asked)


def _answer(name: str, result: bytes, asked: Call) -> dict[str, Any]:
    return asked.answer(*shown(name, bounded(name, json.loads(result))))
