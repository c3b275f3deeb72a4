"""The bytes of requests and answers."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.local_http import LARGEST_ANSWER, BadAnswer, head_of, reason, request_for

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, TEXT.filter(bool))
def test_any_text_comes_back_from_path_and_query(part: str, value: str) -> None:
    request = request_for("GET", "/trace/{id}", {"id": part, "wait": value, "verify": True, "timeout": 1.5})
    line, *_ = request.decode("ascii").split("\r\n")
    address = urlsplit(line.split(" ")[1])
    assert unquote(address.path.removeprefix("/trace/")) == part
    assert parse_qs(address.query) == {"wait": [value], "verify": ["true"], "timeout": ["1.5"]}


@given(TEXT)
def test_any_text_comes_back_from_a_body(text: str) -> None:
    head, _, body = request_for("POST", "/message", {"body": text}).partition(b"\r\n\r\n")
    assert json.loads(body) == {"body": text}
    assert f"Content-Length: {len(body)}".encode() in head


def test_a_head_that_is_not_whole_is_waited_for() -> None:
    whole = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n"
    assert all(head_of(whole[:cut]) is None for cut in range(len(whole)))
    assert head_of(whole + b"{}") == (202, len(whole), 2)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LARGEST_ANSWER + 1)]
)
def test_an_answer_without_a_sensible_length_is_refused(head: bytes) -> None:
    with pytest.raises(BadAnswer):
        head_of(head)


@pytest.mark.parametrize(
    "body, said",
    [
        (b'{"error": {"code": "x", "message": "do this"}}', "do this"),
        (b"<html>", "the daemon answered 500: see logs/daemon.log in its home"),
        (b'{"error": "odd"}', "the daemon answered 500: see logs/daemon.log in its home"),
    ],
)
def test_a_refusal_is_told_in_the_daemons_words(body: bytes, said: str) -> None:
    assert reason(500, body) == said
