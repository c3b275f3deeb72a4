"""Operations over HTTP: how requests are read, and how everything that goes wrong is told."""

import logging

import pytest

from tests.api.served import Served


async def test_a_query_becomes_fields_of_their_types(served: Served) -> None:
    reply = await served.ask("GET", "/notes/a%2Fb?limit=5&loud=true&tags=x&tags=%C3%BC+y")
    assert reply.json == {"id": "a/b", "limit": 5, "loud": True, "tags": ["x", "ü y"]}


async def test_an_empty_body_asks_with_all_defaults(served: Served) -> None:
    served.node.go_on.set()
    assert (await served.ask("POST", "/hold")).json["text"] == "waited"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{}", "object missing required field text"),
        (b'{"text": 1}', "text: expected str, got int"),
        (b'{"text": "a", "count": "1"}', "count: expected int, got str"),
        (b'{"text": "a", "tags": ["x", 1]}', "tags[1]: expected str, got int"),
        (b'{"text": "a", "more": 1}', "object contains unknown field more"),
        (b"[]", "expected object, got array"),
        (b'{"text": "a", "text": "b"}', "the body cannot be read: a key stands twice in one object"),
        (b'{"text": NaN}', "the body cannot be read: NaN is not JSON"),
        ('{"text": "a"}'.encode("utf-16"), "the body cannot be read: the text is not UTF-8"),
        (b'{"text": "\\ud800"}', "the body cannot be read: a string has half of a surrogate pair"),
        (b"[" * 1000 + b"]" * 1000, "the body cannot be read: nested deeper than 32"),
    ],
)
async def test_a_wrong_body_is_told_in_one_line(served: Served, body: bytes, says: str) -> None:
    reply = await served.ask("POST", "/note", body)
    assert (reply.status, reply.json) == (400, {"error": {"code": "bad_input", "message": says}})
    assert served.node.asked == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("limit=x", "limit: expected int, got str"),
        ("limit=1&limit=2", "limit: stands twice in the query"),
        ("more=1", "object contains unknown field more"),
        ("id=1", "object contains unknown field"),
        ("limit", "the query cannot be read: it must be name=value&name=value in UTF-8"),
        ("limit=%FF", "the query cannot be read: it must be name=value&name=value in UTF-8"),
    ],
)
async def test_a_wrong_query_is_told_in_one_line(served: Served, query: str, says: str) -> None:
    reply = await served.ask("GET", f"/notes/7?{query}")
    expected = "id: belongs into the path only" if query == "id=1" else says
    assert (reply.status, reply.json["error"]["message"]) == (400, expected)


async def test_a_made_up_field_name_comes_back_inert(served: Served) -> None:
    reply = await served.ask("POST", "/note", b'{"a\\u001b[31m\\u202e": 1, "text": ""}')
    assert reply.json["error"]["message"] == r"object contains unknown field a\x1b[31m\u202e"


async def test_an_error_of_ours_has_its_status_code_and_one_line(served: Served) -> None:
    reply = await served.ask("POST", "/fail", b'{"text": "unknown"}')
    assert (reply.status, reply.json) == (
        404,
        {"error": {"code": "unknown_message", "message": "no message has this id"}},
    )
    assert served.counted("http_unknown_message") == 1


async def test_a_failure_of_the_store_is_counted_and_logged(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    reply = await served.ask("POST", "/fail", b'{"text": "full"}')
    assert (reply.status, reply.code) == (507, "store_unavailable")
    (line,) = [record.getMessage() for record in caplog.records]
    assert "http_store_unavailable" in line and "POST /fail" in line


async def test_a_bug_becomes_500_and_one_log_line_without_what_was_sent(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reply = await served.ask("POST", "/fail", b'{"text": "canary-in-the-body"}')
    assert (reply.status, reply.code) == (500, "internal")
    (line,) = [record.getMessage() for record in caplog.records if "http_internal" in record.getMessage()]
    assert "KeyError" in line and "recording.py" in line and "\n" not in line
    assert "canary" not in caplog.text and b"canary" not in reply.body
    assert served.counted("http_internal") == 1


async def test_the_connection_survives_a_failed_operation(served: Served) -> None:
    caller = await served.call()
    assert (await caller.ask("POST", "/fail", b'{"text": "x"}')).status == 500
    assert (await caller.ask("POST", "/note", b'{"text": "x"}')).status == 202
