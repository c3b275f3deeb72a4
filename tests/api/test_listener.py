"""A listener that does not answer is bound again, where it was; one that answers is left alone."""

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
        listener.close()
    words = await served.server.relisten()
    assert words == f"the listener on 127.0.0.1:{port} did not answer and was bound again"
    assert (await served.ask("GET", "/health")).status == 200


async def test_a_port_that_another_program_has_taken_is_tried_again_later(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.api.listening.PROBE_SECONDS", 0.1)
    served = await serve()
    for listener in served.server._listeners:
        listener.close()
    with socket.create_server(("127.0.0.1", served.port)) as taken:
        taken.settimeout(5)
        assert "cannot be bound again: another program" in await served.server.relisten()
    assert "was bound again" in await served.server.relisten()
