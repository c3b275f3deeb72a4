"""MCP over HTTP (streamable, without streams or sessions): one POST, one answer, for this machine's user alone."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from multifleet.api.answers import JSON, Answer, error_answer
from multifleet.api.routes import Asked, Route
from multifleet.core.strict import NotStrict, parse
from multifleet.errors import BadInput
from multifleet.mcp.calling import call
from multifleet.mcp.protocol import (
    INVALID,
    MISMATCH,
    NO_METHOD,
    NO_VERSION,
    NOT_JSON,
    REQUEST_LIMIT,
    SELF_CONTAINED,
    Call,
    failure,
    handle,
)
from multifleet.mcp.tools import tool
from multifleet.operations.operation import Effect

if TYPE_CHECKING:
    from multifleet.node.node import Node
    from multifleet.operations.operation import Operation

PATH = "/mcp"
FIELDS = 8
"""Of a query string."""
CALLS = 256
"""Of tools, that are carried out at the same time: each agent that waits for something waits in one."""

_STATUS = {NOT_JSON: 400, INVALID: 400, MISMATCH: 400, NO_VERSION: 400}


def mcp_routes(operations: "Iterable[Operation]", node: "Node") -> list[Route]:
    """POST /mcp; `?all=true` offers every operation, `?folder=` says where the client's session works."""
    known = tuple(operations)
    lists: dict[bool, list[dict[str, Any]]] = {}
    under_way: set[Call] = set()

    async def answer(asked: Asked) -> Answer:
        options = _options(asked.query)
        every = options.get("all") == "true"
        offered = [operation for operation in known if every or operation.mcp]
        if every not in lists:
            lists[every] = [tool(operation) for operation in offered]
        try:
            message = parse(asked.body)
        except NotStrict as error:
            return _answer(failure(None, NOT_JSON, f"the body cannot be read: {error}"))
        # The bridge comes by the socket: it is no client over HTTP, and has no headers to say things twice.
        found = handle(message, lists[every], None if asked.remote == "unix" else asked.headers)
        if found is None:
            return Answer(202, b"")
        if isinstance(found, dict):
            return _answer(found, asked.headers.get("mcp-protocol-version") in SELF_CONTAINED)
        operation = next((one for one in offered if one.tool == found.name), None)
        if operation is None:
            return _answer(found.answer("there is no such tool: list the tools"))
        if len(under_way) >= CALLS:
            return _answer(found.answer(f"{CALLS} calls are under way: let some of them end, then try again"))
        if operation.effect is Effect.READS:
            asked.only_reads()
        folder = options.get("folder")
        under_way.add(found)
        try:
            return _answer(await call(node, operation, found, {"folder": folder} if folder else {}))
        finally:
            under_way.discard(found)

    async def no_stream(asked: Asked) -> Answer:
        """Each client asks once, as it should, and is not to be a warning in the log."""
        said = error_answer(405, "wrong_method", "there are no streams and no sessions: this path takes POST only")
        return said._replace(allow="POST")

    return [
        Route("POST", PATH, answer, owner_only=True, body_limit=REQUEST_LIMIT, content_types=frozenset({JSON})),
        *(Route(method, PATH, no_stream, owner_only=True) for method in ("GET", "DELETE")),
    ]


def _options(query: str) -> dict[str, str]:
    try:
        return {name: given[-1] for name, given in parse_qs(query, max_num_fields=FIELDS).items()}
    except ValueError:
        raise BadInput(f"the query has at most {FIELDS} fields: all and folder") from None


def _answer(response: dict[str, Any], self_contained: bool = False) -> Answer:
    code = response["error"]["code"] if "error" in response else 0
    status = 404 if code == NO_METHOD and self_contained else _STATUS.get(code, 200)
    return Answer(status, json.dumps(response, separators=(",", ":")).encode())
