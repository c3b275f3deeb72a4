"""A listener that does not answer is bound again, where it was; one that answers is left alone."""

import asyncio
import socket

import pytest

from tests.api.conftest import Serve
from tests.api.served import Served


async def test_one_that_answers_is_left_alone(served: Served) -> None:
    caller = await served.call()
    assert (await served.server.relisten()).endswith("answers")
    assert (await caller.ask("GET", "/health")).status == 200


async def test_one_that_was_closed_is_bound_again_on_its_port(serve: Serve) -> None:
    served = await serve()
    port = served.port
    for listener in served.server._listeners:
        await listener.close()
    words = await served.server.relisten()
    assert words == f"the listener on 127.0.0.1:{port} did not answer and was bound again"
    assert (await served.ask("GET", "/health")).status == 200


async def test_a_port_that_another_program_has_taken_is_tried_again_later(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.api.listening.PROBE_SECONDS", 0.1)
    served = await serve()
    for listener in served.server._listeners:
        await listener.close()
    with socket.create_server(("127.0.0.1", served.port)) as taken:
        taken.settimeout(5)
        assert "cannot be bound again: another program" in await served.server.relisten()
    assert "was bound again" in await served.server.relisten()


async def test_who_was_accepted_in_the_moment_it_closes_is_still_served(serve: Serve) -> None:
    served = await serve()
    with socket.create_connection(("127.0.0.1", served.port)) as caller:
        for _ in range(2):  # it is accepted in the first turn, and handed over in the third
            await asyncio.sleep(0)
        for listener in served.server._listeners:
            await listener.close()
        caller.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(caller, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (await asyncio.wait_for(loop.sock_recv(caller, 4096), 20)).startswith(b"HTTP/1.1 200")
