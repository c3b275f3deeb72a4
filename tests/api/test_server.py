"""The door as a whole: what is served to whom, starting and stopping."""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import uvloop

from multifleet.api.limits import Limits
from multifleet.errors import PortInUse
from tests.api.conftest import Serve
from tests.api.served import Caller, Served, request, serving


async def test_an_operation_is_asked_in_json_and_answered_in_json(served: Served) -> None:
    reply = await served.ask("POST", "/note", b'{"text": "hello", "count": 3}')
    assert (reply.status, reply.json) == (202, {"text": "hello", "count": 3})
    assert reply.headers["content-type"] == "application/json"


async def test_the_unix_socket_serves_the_same(served: Served) -> None:
    caller = await served.call_unix()
    reply = await caller.ask("POST", "/note", b'{"text": "hello"}', Host="anything")
    assert (reply.status, reply.json) == (202, {"text": "hello", "count": 1})


async def test_head_and_body_of_an_answer_come_in_one_piece(served: Served) -> None:
    caller = await served.call()
    caller.send(request("POST", "/note", b'{"text": "hello"}'))
    assert (await caller.reader.read(65_536)).endswith(b'{"text":"hello","count":1}')


async def test_a_frame_goes_to_the_peer_side_with_its_address(served: Served) -> None:
    reply = await served.ask("POST", "/frames", b"abc", Content_Type="application/octet-stream", Host="mac2.local:8855")
    assert (reply.status, reply.body) == (200, b"cba")
    assert reply.headers["content-type"] == "application/octet-stream"
    assert served.peer.remotes == ["127.0.0.1"]


async def test_a_join_goes_to_the_peer_side_and_its_refusal_comes_back(served: Served) -> None:
    reply = await served.ask("POST", "/join", b"abc", Content_Type="application/octet-stream", Host="10.1.2.3")
    assert (reply.status, reply.body) == (403, b"cba")


async def test_health_says_more_to_this_machines_user_than_to_others(served: Served) -> None:
    own = await served.ask("GET", "/health")
    foreign_name = await served.ask("GET", "/health", Host="rebound.example")
    assert own.json["node"] == "mac1"
    assert (foreign_name.status, foreign_name.body) == (200, b"ok\n")


async def test_the_socket_is_private_and_goes_away_at_the_end(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        assert stat.S_IMODE(os.stat(served.socket).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(served.socket.parent).st_mode) == 0o700
    assert not served.socket.exists()


async def test_a_socket_left_by_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        os.link(served.socket, tmp_path / "kept")
    os.rename(tmp_path / "kept", served.socket)
    async with serving(tmp_path) as served:
        reply = await (await served.call_unix()).ask("GET", "/health")
        assert reply.status == 200


async def test_a_taken_port_is_named_with_who_has_it(serve: Serve, tmp_path: Path) -> None:
    async with serving(tmp_path / "first") as first:
        said = rf"another multifleet daemon of yours .* {first.port}: .*--port"
        with pytest.raises(PortInUse, match=said):
            await serve(port=first.port)


async def test_what_is_being_answered_at_the_end_is_still_answered(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        caller = await served.call()
        caller.send(request("POST", "/hold"))
        await served.node.begun.wait()
        asyncio.get_running_loop().call_soon(served.node.go_on.set)
        served.callers.clear()
    reply = await caller.reply()
    assert (reply.status, reply.headers["connection"]) == (200, "close")
    caller.close()


async def test_who_only_waits_for_news_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async with serving(tmp_path, limits=Limits(grace_seconds=60)) as served:
        caller = await served.call()
        caller.send(request("GET", "/wait"))
        await served.node.begun.wait()
    assert await caller.rest() == b""
    assert served.node.given_up.is_set()


async def test_work_that_does_not_end_is_cut_off_after_the_grace(tmp_path: Path) -> None:
    async with serving(tmp_path, limits=Limits(grace_seconds=0.05)) as served:
        caller = await served.call()
        caller.send(request("POST", "/hold"))
        await served.node.begun.wait()
    assert served.node.given_up.is_set()


async def test_nothing_is_left_open_at_the_end(tmp_path: Path) -> None:
    before = set(psutil.Process().net_connections("all"))
    async with serving(tmp_path) as served:
        for _ in range(20):
            await served.call()
        await served.ask("GET", "/health")
        assert len(psutil.Process().net_connections("all")) > len(before) + 20
    await asyncio.sleep(0)
    assert set(psutil.Process().net_connections("all")) <= before


async def test_two_addresses_share_the_port_that_was_free(serve: Serve) -> None:
    served = await serve(binds=("127.0.0.1", "127.0.0.2"))
    (first, port), (second, same_port) = served.server.addresses
    assert (first, second, port) == ("127.0.0.1", "127.0.0.2", same_port)
    caller = Caller(*await asyncio.open_connection(second, port))
    assert (await caller.ask("GET", "/notes/7", Host=f"{second}:{port}")).status == 200
    caller.close()


def test_the_door_works_the_same_on_uvloop(tmp_path: Path) -> None:
    async def visit() -> None:
        async with serving(tmp_path, limits=Limits(head_seconds=0.5)) as served:
            assert (await served.ask("POST", "/note", b'{"text": "hello"}')).status == 202
            assert (await served.ask("POST", "/note", b"{}" * 3000)).status == 413
            unix = await served.call_unix()
            assert (await unix.ask("GET", "/notes/7?limit=3")).json["limit"] == 3
            late = await served.call()
            late.send(b"GET / HTTP/1.1\r\nHo")
            assert (await late.reply()).status == 408
            assert await late.rest() == b""

    uvloop.run(visit())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_connections_reset_before_they_are_accepted_are_let_go(tmp_path: Path, run: Callable[..., None]) -> None:
    async def visit() -> None:
        errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        async with serving(tmp_path) as served:
            for _ in range(20):
                caller = socket.create_connection(("127.0.0.1", served.port))
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                caller.close()
            assert (await served.ask("GET", "/health")).status == 200
        assert errors == []

    run(visit())
