"""The operations of the registry as routes: JSON or a query string in, JSON out. None is written by hand."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from multifleet.api.answers import JSON, Answer
from multifleet.api.routes import Asked, Route
from multifleet.core.strict import NotStrict, parse
from multifleet.errors import BadInput
from multifleet.operations.operation import Effect, Operation
from multifleet.operations.refusals import refusal

if TYPE_CHECKING:
    from multifleet.node.node import Node

FIELDS = 64
"""Of a query string."""

_encoder = msgspec.json.Encoder()


def operation_routes(operations: Iterable[Operation], node: "Node") -> list[Route]:
    """One route for each operation, for this machine's user only."""
    return [_route(operation, node) for operation in operations]


def _route(operation: Operation, node: "Node") -> Route:
    lists = _list_fields(operation.request)
    takes_body = operation.method != "GET"

    async def answer(asked: Asked) -> Answer:
        given = _read_body(asked.body) if takes_body else _read_query(asked.query, lists)
        request = _convert(given, asked.parts, operation.request, strict=takes_body)
        view = await operation.handler(node, request)
        return Answer(operation.status, _encoder.encode(view))

    return Route(
        operation.method,
        operation.path,
        answer,
        owner_only=True,
        body_limit=operation.body_limit if takes_body else 0,
        content_types=frozenset({JSON}) if takes_body else frozenset(),
        ends_with_caller=operation.effect is Effect.READS,
    )


def _read_body(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return parse(body)
    except NotStrict as error:
        raise BadInput(f"the body cannot be read: {error}") from None


def _read_query(query: str, lists: frozenset[str]) -> dict[str, Any]:
    if not query:
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=FIELDS)
    except ValueError:
        raise BadInput("the query cannot be read: it must be name=value&name=value in UTF-8") from None
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            given.setdefault(name, []).append(value)
        elif given.setdefault(name, value) is not value:
            raise BadInput(f"{_inert(name)}: stands twice in the query")
    return given


def _convert(given: Any, parts: dict[str, str], shape: type[msgspec.Struct], strict: bool) -> Any:
    if parts:
        if not isinstance(given, dict) or given.keys() & parts.keys():
            raise BadInput(f"{', '.join(parts)}: belongs into the path only")
        given = {**given, **parts}
    try:
        return msgspec.convert(given, shape, strict=strict)
    except msgspec.ValidationError as error:
        raise BadInput(_inert(refusal(error, shape))) from None


def _inert(text: str) -> str:
    """Names that a caller made up come back harmless for a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:300])


def _list_fields(shape: type[msgspec.Struct]) -> frozenset[str]:
    described = msgspec.inspect.type_info(shape)
    assert isinstance(described, msgspec.inspect.StructType)
    listed = (msgspec.inspect.ListType, msgspec.inspect.VarTupleType, msgspec.inspect.SetType)
    return frozenset(field.encode_name for field in described.fields if isinstance(field.type, listed))
