"""What strangers get: frames, joins and a bare health; and that a crowd of them costs nobody else."""

import asyncio
import os
import time
from asyncio import BaseTransport
from contextlib import AsyncExitStack
from pathlib import Path

from multifleet.api.limits import Limits
from multifleet.api.peer_credentials import Proof, TokenProof
from tests.api.conftest import Serve
from tests.api.served import Caller, Reply, Served, request
from tests.starved import starved

FRAME = "application/octet-stream"


def trust_nobody(token: Path, stack: AsyncExitStack) -> Proof:
    """Loopback callers count as strangers."""
    return TokenProof(token)


class OneAddress(TokenProof):
    """Who comes from 127.0.0.1 is this machine's user."""

    def by_connection(self, transport: BaseTransport) -> bool:
        return bool(transport.get_extra_info("peername")[0] == "127.0.0.1")


def trust_one_address(token: Path, stack: AsyncExitStack) -> Proof:
    """All other loopback callers count as strangers."""
    return OneAddress(token)


async def call_from(served: Served, address: str) -> Caller:
    """Connect from another machine, as far as the server can tell."""
    connected = await asyncio.open_connection("127.0.0.1", served.port, local_addr=(address, 0))
    served.callers.append(caller := Caller(*connected))
    return caller


async def half_sent(served: Served, addresses: int, each: int, sent: int) -> list[Caller]:
    """Callers that have sent a part of a body, and hold on to the rest."""
    callers = [await call_from(served, f"127.0.9.{number % addresses + 1}") for number in range(addresses * each)]
    for caller in callers:
        caller.send(request("POST", "/frames", b"x" * sent, Content_Type=FRAME, Content_Length="1000000"))
    return callers


async def ask_in_a_second(caller: Caller, body: bytes = b"") -> Reply:
    """Without what this process, which asks and answers, is kept from a processor meanwhile."""
    asking = caller.ask("POST", "/frames", body, Content_Type=FRAME) if body else caller.ask("GET", "/health")
    began, before = time.monotonic(), starved(os.getpid())
    reply = await asyncio.wait_for(asking, 60)
    assert time.monotonic() - began - (starved(os.getpid()) - before) < 1
    return reply


async def test_half_sent_bodies_from_many_addresses_shut_nobody_out(serve: Serve) -> None:
    served = await serve(choose=trust_one_address, limits=Limits(connections=80, reserve=16, per_address=8))
    await half_sent(served, addresses=10, each=8, sent=1000)
    await asyncio.wait_for(served.counted_at_least("http_gave_way", 16), 20)
    for _ in range(20):
        assert (await ask_in_a_second(await served.call())).json["node"] == "mac1"
        assert (await ask_in_a_second(await served.call_unix())).json["node"] == "mac1"
    assert (await ask_in_a_second(await call_from(served, "127.0.10.1"), b"ab")).body == b"ba"
    assert (await ask_in_a_second(await call_from(served, "127.0.9.1"), b"ab")).body == b"ba"


async def test_half_sent_bodies_are_kept_only_up_to_their_bound(serve: Serve) -> None:
    served = await serve(choose=trust_one_address, limits=Limits(body_bytes=1 << 20))
    await half_sent(served, addresses=4, each=2, sent=500_000)
    await asyncio.wait_for(served.counted_at_least("http_gave_way", 6), 20)
    honest = await call_from(served, "127.0.10.1")
    assert (await ask_in_a_second(honest, b"x" * 400_000)).status == 200
    assert served.counted("http_gave_way") <= 7


async def test_half_a_head_after_a_good_request_makes_room_too(serve: Serve) -> None:
    served = await serve(choose=trust_nobody, limits=Limits(per_address=2))
    for _ in range(2):
        caller = await served.call()
        assert (await ask_in_a_second(caller)).status == 200
        caller.send(b"GET /hea")
    assert (await ask_in_a_second(await served.call())).status == 200
    assert served.counted("http_gave_way") == 1


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
    served = await serve(choose=trust_nobody, limits=Limits(head_seconds=3.0, body_seconds=3.0))
    half = b"POST /frames HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 9\r\n"
    crowd = [await served.call() for _ in range(500)]
    for number, caller in enumerate(crowd):
        caller.send(half if number % 2 else half + b"\r\nhalf")
    begun = asyncio.get_running_loop().time()
    assert (await served.ask("POST", "/frames", b"ab", Content_Type=FRAME)).body == b"ba"
    assert asyncio.get_running_loop().time() - begun < 3
    await asyncio.wait_for(asyncio.gather(*(caller.rest() for caller in crowd)), 30)
    assert served.counted("http_head_late") + served.counted("http_body_late") <= 64
