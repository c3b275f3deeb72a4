"""The port for frames alone, beside the usual one."""

import asyncio
import socket

from multifleet.api.limits import Limits
from tests.api.conftest import Serve
from tests.api.served import Caller, Served, request
from tests.api.test_peers import trust_nobody
from tests.ports import free_port


async def call(served: Served) -> Caller:
    caller = Caller(*await asyncio.open_connection("127.0.0.1", served.server.relay_port))
    served.callers.append(caller)
    return caller


async def test_it_takes_frames_and_nothing_else_not_even_from_this_machines_user(serve: Serve) -> None:
    served = await serve(relay_port=free_port())
    caller = await call(served)
    reply = await caller.ask("POST", "/frames", b"abc", Content_Type="application/octet-stream", Host="mac2.local")
    assert (reply.status, reply.body) == (200, b"cba")
    for method, path in (("POST", "/note"), ("POST", "/join"), ("GET", "/health")):
        assert (await (await call(served)).ask(method, path)).status == 404


async def test_its_limits_are_those_of_the_door(serve: Serve) -> None:
    served = await serve(choose=trust_nobody, relay_port=free_port(), limits=Limits(per_address=1))
    usual = await served.call()
    assert (await usual.ask("GET", "/health")).status == 200
    other = await call(served)
    other.send(request("POST", "/frames", b"abc", Content_Type="application/octet-stream", Host="mac2.local"))
    assert (await other.reply()).status == 200
    assert await usual.rest() == b"" and served.counted("http_gave_way") == 1, "both came from one address"


async def test_a_port_that_is_taken_is_told_and_keeps_nothing_from_starting(serve: Serve) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        served = await serve(relay_port=taken.getsockname()[1])
        assert served.server.relay_port == 0
        assert served.counted("relay_port_not_open") == 1
        assert (await served.ask("GET", "/health")).status == 200
