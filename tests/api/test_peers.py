"""What strangers get: frames, joins and a bare health; and that a crowd of them costs nobody else."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

from multifleet.api.limits import Limits
from multifleet.api.peer_credentials import Proof, TokenProof
from tests.api.conftest import Serve

FRAME = "application/octet-stream"


def trust_nobody(token: Path, stack: AsyncExitStack) -> Proof:
    """Loopback callers count as strangers."""
    return TokenProof(token)


async def test_strangers_get_frames_joins_and_a_bare_health(serve: Serve) -> None:
    served = await serve(choose=trust_nobody)
    assert (await served.ask("POST", "/frames", b"ab", Content_Type=FRAME)).body == b"ba"
    assert (await served.ask("POST", "/join", b"ab")).status == 403
    assert (await served.ask("GET", "/health")).body == b"ok\n"
    assert (await served.ask("POST", "/note", b'{"text": ""}')).code == "not_owner"


async def test_frames_of_one_mebibyte_are_taken_and_larger_ones_are_not(serve: Serve) -> None:
    served = await serve(choose=trust_nobody)
    largest = os.urandom(1 << 20)
    assert (await served.ask("POST", "/frames", largest, Content_Type=FRAME)).body == largest[::-1]
    caller = await served.call()
    caller.send(b"POST /frames HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\n" % FRAME.encode())
    caller.send(b"Content-Length: %d\r\n\r\n" % ((1 << 20) + 1))
    assert (await caller.reply()).code == "too_large"


async def test_a_join_is_small(serve: Serve) -> None:
    served = await serve(choose=trust_nobody)
    assert (await served.ask("POST", "/join", b"x" * 16_385)).code == "too_large"


async def test_five_hundred_half_sent_requests_leave_room_for_an_honest_peer(serve: Serve) -> None:
    served = await serve(choose=trust_nobody, limits=Limits(head_seconds=1.0, body_seconds=1.0))
    half = b"POST /frames HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 9\r\n"
    crowd = [await served.call() for _ in range(500)]
    for number, caller in enumerate(crowd):
        caller.send(half if number % 2 else half + b"\r\nhalf")
    begun = asyncio.get_running_loop().time()
    assert (await served.ask("POST", "/frames", b"ab", Content_Type=FRAME)).body == b"ba"
    assert asyncio.get_running_loop().time() - begun < 1
    await asyncio.wait_for(asyncio.gather(*(caller.rest() for caller in crowd)), 10)
    assert served.counted("http_head_late") + served.counted("http_body_late") <= 64
