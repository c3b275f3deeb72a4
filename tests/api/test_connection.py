"""One connection: order, bounds and deadlines."""

import asyncio

import pytest

from multifleet.api.limits import Limits
from tests.api.conftest import Serve
from tests.api.served import Served, request

NOTE = b'{"text": "hello"}'
CHUNKED = request("POST", "/note", Content_Length=None, Transfer_Encoding="chunked")


async def test_requests_on_one_connection_are_answered_in_order(served: Served) -> None:
    caller = await served.call()
    caller.send(b"".join(request("POST", "/note", b'{"text": "%d"}' % n) for n in range(10)))
    assert [(await caller.reply()).json["text"] for _ in range(10)] == [str(n) for n in range(10)]


async def test_a_request_may_come_byte_by_byte(served: Served) -> None:
    caller = await served.call()
    for byte in request("POST", "/note", NOTE):
        caller.send(bytes([byte]))
        await caller.writer.drain()
    assert (await caller.reply()).status == 202


async def test_a_chunked_body_is_taken(served: Served) -> None:
    caller = await served.call()
    caller.send(CHUNKED + b"5\r\n" + NOTE[:5] + b"\r\n")
    caller.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(NOTE) - 5, NOTE[5:]))
    assert (await caller.reply()).json["text"] == "hello"


async def test_who_asks_before_sending_is_told_to_go_on(served: Served) -> None:
    caller = await served.call()
    head = request("POST", "/note", NOTE, Expect="100-continue").removesuffix(NOTE)
    caller.send(head)
    assert await caller.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    caller.send(NOTE)
    assert (await caller.reply()).status == 202


async def test_who_asks_before_sending_too_much_is_not_told_to_go_on(served: Served) -> None:
    caller = await served.call()
    caller.send(request("POST", "/note", Content_Length="5000", Expect="100-continue"))
    assert (await caller.reply()).status == 413


@pytest.mark.parametrize(
    "head",
    [
        request("GET", "/health").replace(b"HTTP/1.1", b"HTTP/1.0"),
        request("GET", "/health", Connection="close"),
        request("HEAD", "/health", Content_Type=None),
        request("GET", "/health", Connection="Upgrade", Upgrade="websocket"),
    ],
)
async def test_a_connection_that_cannot_go_on_is_closed_after_the_answer(served: Served, head: bytes) -> None:
    caller = await served.call()
    caller.send(head)
    assert (await caller.reply()).headers["connection"] == "close"
    assert await caller.rest() == b""


async def test_who_stops_sending_still_gets_the_answer(served: Served) -> None:
    caller = await served.call_unix()
    caller.send(request("POST", "/hold"))
    await served.node.begun.wait()
    caller.writer.write_eof()
    served.node.go_on.set()
    assert (await caller.reply()).status == 200
    assert await caller.rest() == b""


async def test_a_wait_ends_with_its_caller(served: Served) -> None:
    caller = await served.call()
    caller.send(request("GET", "/wait"))
    await served.node.begun.wait()
    caller.close()
    await asyncio.wait_for(served.node.given_up.wait(), 20)


async def test_a_change_goes_on_without_its_caller(served: Served) -> None:
    caller = await served.call()
    caller.send(request("POST", "/hold"))
    await served.node.begun.wait()
    caller.close()
    served.node.go_on.set()
    await asyncio.wait_for(served.node.ended.wait(), 20)
    assert not served.node.given_up.is_set()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /note HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /note HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 100 + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_refused_and_closed(served: Served, nonsense: bytes) -> None:
    caller = await served.call()
    caller.send(nonsense)
    reply = await caller.reply()
    assert (reply.status, reply.code) == (400, "bad_request")
    assert await caller.rest() == b""
    assert served.counted("http_bad_request") == 1


async def test_nonsense_after_a_good_request_does_not_cost_its_answer(served: Served) -> None:
    caller = await served.call()
    caller.send(request("POST", "/hold"))
    await served.node.begun.wait()
    caller.send(b"\x00\x00\x00\x00\r\n\r\n")
    await served.counted_at_least("http_bad_request", 1)
    served.node.go_on.set()
    assert (await caller.reply()).status == 200
    assert await caller.rest() == b""


async def test_an_announced_body_over_the_limit_is_refused_unread(served: Served) -> None:
    caller = await served.call()
    caller.send(request("POST", "/note", Content_Length="4097"))
    reply = await caller.reply()
    assert (reply.status, reply.code, reply.headers["connection"]) == (413, "too_large", "close")
    assert await caller.rest() == b""


async def send_until_cut(served: Served, head: bytes, piece: bytes, most: int) -> int:
    """Bytes that the server's side took before it refused and closed."""
    caller = await served.call()
    caller.send(head)
    sent = 0
    try:
        while sent < most and not caller.reader.at_eof():
            caller.send(piece)
            sent += len(piece)
            await caller.writer.drain()
    except ConnectionError:
        pass  # the cut that is expected
    return sent


async def test_a_chunked_body_over_the_limit_is_cut_off_early(served: Served) -> None:
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    assert await send_until_cut(served, CHUNKED, piece, most=1 << 28) < 1 << 25
    assert served.counted("http_too_large") == 1


async def test_a_body_that_is_mostly_framing_is_cut_off_early(served: Served) -> None:
    piece = b"1;" + b"x" * 8000 + b"\r\nx\r\n"
    assert await send_until_cut(served, CHUNKED, piece, most=1 << 28) < 1 << 25
    assert served.counted("http_too_large") + served.counted("http_bad_request") == 1


async def test_a_head_without_end_is_cut_off(served: Served) -> None:
    caller = await served.call()
    caller.send(b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"".join(b"h%d: %s\r\n" % (n, b"x" * 900) for n in range(20)))
    assert (await caller.reply()).code == "head_too_large"
    assert await caller.rest() == b""


async def test_who_runs_far_ahead_of_the_answers_is_sent_away(served: Served) -> None:
    caller = await served.call()
    caller.send(request("POST", "/hold") + request("GET", "/health") * 40)
    assert await caller.rest() == b""
    assert served.counted("http_too_far_ahead") == 1


async def test_a_body_sent_ahead_waits_in_the_socket_and_is_taken_in_its_turn(served: Served) -> None:
    frame = b"x" * 1_000_000
    caller = await served.call()
    caller.send(request("POST", "/hold"))
    await served.node.begun.wait()
    caller.send(request("POST", "/frames", frame, Content_Type="application/octet-stream"))
    served.node.go_on.set()
    assert (await caller.reply()).status == 200
    assert (await caller.reply()).body == frame


async def test_half_a_head_is_closed_in_time(serve: Serve) -> None:
    served = await serve(limits=Limits(head_seconds=0.3))
    caller = await served.call()
    caller.send(b"GET /health HTTP/1.1\r\nHo")
    assert (await caller.reply()).code == "head_late"
    assert await caller.rest() == b""
    assert served.counted("http_head_late") == 1


async def test_trickling_bytes_do_not_move_the_deadline(serve: Serve) -> None:
    served = await serve(limits=Limits(head_seconds=0.2))
    caller = await served.call()

    async def trickle() -> None:
        for byte in request("GET", "/health", Padding="x" * 1000):
            caller.send(bytes([byte]))
            await asyncio.sleep(0.02)

    trickling = asyncio.create_task(trickle())
    assert (await asyncio.wait_for(caller.reply(), 20)).code == "head_late"
    trickling.cancel()


async def test_a_later_head_has_the_same_deadline_not_the_idle_one(serve: Serve) -> None:
    served = await serve(limits=Limits(head_seconds=0.5, idle_seconds=60))
    caller = await served.call()
    assert (await caller.ask("GET", "/health")).status == 200
    caller.send(b"GET /hea")
    assert (await asyncio.wait_for(caller.reply(), 20)).code == "head_late"


async def test_silence_from_the_start_is_closed_without_a_word(serve: Serve) -> None:
    served = await serve(limits=Limits(head_seconds=0.05))
    assert await (await served.call()).rest() == b""
    assert served.counted("http_never_spoke") == 1


async def test_half_a_body_is_closed_in_time(serve: Serve) -> None:
    served = await serve(limits=Limits(body_seconds=0.3))
    caller = await served.call()
    caller.send(request("POST", "/note", NOTE)[:-3])
    assert (await caller.reply()).code == "body_late"
    assert await caller.rest() == b""


async def test_an_idle_connection_is_closed_in_time(serve: Serve) -> None:
    served = await serve(limits=Limits(idle_seconds=0.3))
    caller = await served.call()
    assert (await caller.ask("GET", "/health")).status == 200
    assert await caller.rest() == b""


async def test_an_answer_may_take_longer_than_all_deadlines(serve: Serve) -> None:
    short = 0.2
    served = await serve(limits=Limits(short, short, short, short))
    caller = await served.call()
    caller.send(request("POST", "/hold"))
    await served.node.begun.wait()
    asyncio.get_running_loop().call_later(4 * short, served.node.go_on.set)
    assert (await caller.reply()).status == 200


async def test_who_does_not_read_the_answer_is_cut_off(serve: Serve) -> None:
    served = await serve(limits=Limits(write_seconds=0.1))
    caller = await served.call()
    caller.writer.transport.pause_reading()
    caller.send(request("GET", "/big/1?limit=30000000"))
    await asyncio.wait_for(served.counted_at_least("http_reader_late", 1), 20)
    caller.writer.transport.resume_reading()
    assert len(await caller.rest()) < 30_000_000


async def test_a_large_answer_reaches_a_reader_that_takes_its_time(served: Served) -> None:
    caller = await served.call()
    caller.writer.transport.pause_reading()
    caller.send(request("GET", "/big/1?limit=3000000") + request("GET", "/health"))
    await asyncio.sleep(0.05)
    caller.writer.transport.resume_reading()
    assert len((await caller.reply()).json["text"]) == 3_000_000
    assert (await caller.reply()).json["node"] == "mac1"
