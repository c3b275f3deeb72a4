"""What the MCP server answers by itself, as pure values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.mcp.protocol import GREETED, INSTRUCTIONS, Call, handle

TOOLS = [{"name": "fleet_send"}]
MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def ask(method: str, params: Any = None, headers: dict[str, str] | None = None) -> Any:
    message = {"jsonrpc": "2.0", "id": "x", "method": method} | ({} if params is None else {"params": params})
    return handle(message, TOOLS, headers)


def error(answer: Any) -> int:
    assert isinstance(answer, dict)
    return int(answer["error"]["code"])


@pytest.mark.parametrize(
    ("wanted", "given"),
    [("2025-06-18", "2025-06-18"), ("1999-01-01", GREETED[0]), (None, GREETED[0]), ([], GREETED[0])],
)
def test_a_greeting_names_a_version_that_is_spoken(wanted: object, given: str) -> None:
    result = ask("initialize", {"protocolVersion": wanted})["result"]
    assert result["protocolVersion"] == given and result["instructions"] == INSTRUCTIONS
    assert result["capabilities"] == {"tools": {"listChanged": False}} and "resultType" not in result


def test_a_probe_of_the_new_generation_is_answered_and_any_other_is_told_that_there_is_none() -> None:
    assert ask("server/discover", {"_meta": MODERN})["result"]["supportedVersions"] == ["2026-07-28"]
    assert error(ask("server/discover")) == -32601
    assert error(ask("server/discover", {})) == -32601


def test_the_new_generation_is_told_who_answers_and_that_the_answer_is_whole() -> None:
    for method in ("tools/list", "server/discover"):
        result = ask(method, {"_meta": MODERN})["result"]
        assert (result["resultType"], result["cacheScope"], result["ttlMs"]) == ("complete", "private", 0)
        assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "multifleet"
    assert ask("tools/list")["result"] == {"tools": TOOLS}


def test_a_version_that_is_not_spoken_is_named_with_those_that_are() -> None:
    answer = ask("tools/list", {"_meta": MODERN | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}})
    assert error(answer) == -32022
    assert answer["error"]["data"] == {"supported": ["2026-07-28"], "requested": "2099-01-01"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"mcp-protocol-version": "2026-07-28"},
        {"mcp-protocol-version": "2025-11-25", "mcp-method": "tools/call", "mcp-name": "fleet_send"},
        {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list", "mcp-name": "fleet_send"},
        {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "fleet_status"},
    ],
)
def test_headers_that_do_not_say_what_the_body_says_are_refused(headers: dict[str, str]) -> None:
    assert error(ask("tools/call", {"name": "fleet_send", "_meta": MODERN}, headers)) == -32020


def test_a_call_is_handed_on_with_its_arguments() -> None:
    call = ask("tools/call", {"name": "fleet_send", "arguments": {"to": "mac2"}})
    assert isinstance(call, Call) and (call.id, call.name, call.arguments) == ("x", "fleet_send", {"to": "mac2"})
    assert call.answer("no")["result"] == {"content": [{"type": "text", "text": "no"}], "isError": True}
    assert call.answer("yes", {"a": 1})["result"]["structuredContent"] == {"a": 1}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ([], -32600),
        ({"id": 1, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 1}}, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x", "arguments": []}}, -32602),
    ],
)
def test_what_has_not_the_form_of_a_request_is_told_so(message: object, code: int) -> None:
    assert error(handle(message, TOOLS)) == code


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
    ],
)
def test_what_wants_no_answer_gets_none(message: object) -> None:
    assert handle(message, TOOLS) is None


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_methods = st.sampled_from(["initialize", "ping", "tools/list", "tools/call", "server/discover", "x"]) | _values
_params = _values | st.fixed_dictionaries({"_meta": _values | st.just(MODERN)}, optional={"name": _values})


@given(
    st.fixed_dictionaries({"jsonrpc": st.just("2.0"), "method": _methods}, optional={"id": _values, "params": _params})
)
def test_whatever_comes_is_answered_once_and_never_breaks_it(message: dict[str, Any]) -> None:
    answer = handle(message, TOOLS)
    assert answer is None or isinstance(answer, Call) or {"result", "error"} & answer.keys()


def test_the_instructions_teach_every_state_in_ten_lines() -> None:
    assert len(INSTRUCTIONS.splitlines()) <= 13
    for state in ("queued", "sent", "stored", "offered", "seen", "answered", "held", "refused", "expired"):
        assert state in INSTRUCTIONS
