"""The bytes of an answer."""

import pytest

from multifleet.api.answers import TEXT, Answer, Refused, error_answer, refusal, render


def test_an_answer_is_one_piece_that_states_its_length() -> None:
    head, _, body = render(Answer(202, b"{}"), last=False).partition(b"\r\n\r\n")
    assert body == b"{}"
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 202 Accepted",
        b"Content-Type: application/json",
        b"Cache-Control: no-store",
        b"X-Content-Type-Options: nosniff",
        b"Content-Length: 2",
    ]


def test_the_last_answer_says_so() -> None:
    assert b"\r\nConnection: close\r\n" in render(Answer(200, b"ok\n", TEXT), last=True)


def test_a_wrong_method_names_the_right_ones() -> None:
    answer = refusal(Refused(405, "wrong_method", "no", allow="GET, POST"))
    assert b"\r\nAllow: GET, POST\r\n" in render(answer, last=False)


@pytest.mark.parametrize("status", [200, 421, 507, 599])
def test_every_status_has_a_line(status: int) -> None:
    assert render(Answer(status, b""), last=False).startswith(b"HTTP/1.1 %d " % status)


def test_an_error_is_one_line() -> None:
    assert error_answer(400, "bad_input", "a\r\nb\n c").body == b'{"error":{"code":"bad_input","message":"a b c"}}'
