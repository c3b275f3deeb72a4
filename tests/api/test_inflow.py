"""Requests out of bytes, and what is known of them before they are whole."""

import pytest

from multifleet.api.inflow import FRAMING_ALLOWANCE, Inflow, Malformed
from multifleet.api.limits import Limits

POST = b"POST /note HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"POST /note HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def inflow() -> Inflow:
    return Inflow(Limits())


async def test_a_head_is_there_before_its_body(inflow: Inflow) -> None:
    inflow.feed(POST[:20])
    assert (inflow.ahead, inflow.unread) == (0, 20)
    inflow.feed(POST[20:] + b"he")
    head = inflow.take()
    assert (head.method, head.target, head.headers["host"], head.chunked, head.last) == (
        "POST",
        "/note",
        "a",
        False,
        False,
    )
    assert not inflow.whole
    inflow.feed(b"llo")
    assert inflow.whole and inflow.body() == b"hello"


async def test_a_body_is_measured_while_it_comes(inflow: Inflow) -> None:
    inflow.feed(CHUNKED + b"5\r\nhello\r\n")
    assert inflow.take().chunked
    assert inflow.exceeds(4) and not inflow.exceeds(5)


async def test_what_is_kept_of_bodies_is_known_also_of_those_ahead(inflow: Inflow) -> None:
    inflow.feed((POST + b"hello") * 2)
    assert inflow.held == 10
    inflow.take()
    assert inflow.held == 10
    inflow.body()
    assert inflow.held == 5
    inflow.drop()
    assert inflow.held == 0


async def test_framing_counts_where_there_is_hardly_any_body(inflow: Inflow) -> None:
    inflow.feed(CHUNKED)
    inflow.take()
    inflow.feed(b"1;" + b"x" * (FRAMING_ALLOWANCE + 100))
    assert inflow.exceeds(10)


async def test_very_many_chunks_are_an_overrun(inflow: Inflow) -> None:
    inflow.feed(CHUNKED + b"1\r\nx\r\n" * 70_000)
    assert inflow.overrun


async def test_an_encoded_body_is_never_unpacked(inflow: Inflow) -> None:
    inflow.feed(POST.replace(b"Host: a", b"Host: a\r\nContent-Encoding: gzip") + b"hello")
    inflow.take()
    assert inflow.body() == b"hello"


async def test_a_caller_who_wants_another_protocol_is_not_read_on(inflow: Inflow) -> None:
    inflow.feed(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    inflow.feed(b"\x81\x05hello")
    assert inflow.take().last and inflow.ahead == 0


async def test_what_is_no_http_is_malformed(inflow: Inflow) -> None:
    with pytest.raises(Malformed):
        inflow.feed(b"\x00\x01\x02\r\n\r\n")
