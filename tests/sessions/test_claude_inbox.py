"""Posts reach only the process and conversation they are meant for; our own socket takes nothing on trust."""

import asyncio
import contextlib
import json
import os
import socket
import stat
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from multifleet.sessions.base import Session, UnknownOutcome, Unreachable
from multifleet.sessions.claude_inbox import ReplySocket, SocketTaken, post, reply_socket_name, socket_folders
from multifleet.sessions.claude_registry import ClaudeRegistry
from multifleet.sessions.claude_wire import InboxEvent, Odd, Receipt, Reply
from tests.sessions.records import Registered

NAME = "12da918f2669b285"
OFFER = "823c91b8-38ef-4498-9498-dbe2ea810a7f"


class Heard:
    """The events that came, and a way to wait for one."""

    def __init__(self) -> None:
        self.events: list[InboxEvent] = []
        self._news = asyncio.Event()

    def tell(self, event: InboxEvent) -> None:
        self.events.append(event)
        self._news.set()

    async def wait(self, count: int = 1) -> list[InboxEvent]:
        async with asyncio.timeout(30.0):
            while len(self.events) < count:
                self._news.clear()
                await self._news.wait()
        return self.events


@contextlib.asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[tuple[ReplySocket, Heard]]:
    heard = Heard()
    reply = await ReplySocket.open(NAME, heard.tell, [folder])
    try:
        yield reply, heard
    finally:
        await reply.aclose()


async def say(path: Path, data: bytes) -> None:
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(data)
    writer.write_eof()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def receipt(offer: str = OFFER) -> bytes:
    frame = {"type": "control", "action": "peer_message_status", "status": "held", "orig_msg_id": offer}
    return json.dumps(frame).encode()


async def test_receipts_and_replies_are_told_with_the_pid_of_who_sent_them(tmp_path: Path) -> None:
    message = json.dumps({"type": "user", "message": {"content": "hi"}}).encode()
    async with listening(tmp_path / "socks") as (reply, heard):
        assert reply.address == f"uds:{tmp_path}/socks/{NAME}.sock"
        await say(reply.path, b'{"type":"auth","token":"x"}\n' + receipt() + b"\n\n" + message)
        assert await heard.wait(2) == [
            Receipt(NAME, OFFER, "held", "", os.getpid()),
            Reply(NAME, None, "hi", os.getpid(), None, None, None),
        ]


async def test_a_bad_line_does_not_spoil_the_next_one(tmp_path: Path) -> None:
    async with listening(tmp_path / "socks") as (reply, heard):
        await say(reply.path, b"junk\n" + receipt() + b"\n")
        odd, good = await heard.wait(2)
        assert isinstance(odd, Odd) and isinstance(good, Receipt)


async def test_lines_may_come_in_any_pieces_and_from_many_at_once(tmp_path: Path) -> None:
    async with listening(tmp_path / "socks") as (reply, heard):
        ids = [str(uuid.uuid4()) for _ in range(50)]

        async def slowly(id: str) -> None:
            _, writer = await asyncio.open_unix_connection(reply.path)
            for byte in receipt(id) + b"\n":
                writer.write(bytes([byte]))
                await writer.drain()
            writer.close()
            await writer.wait_closed()

        await asyncio.gather(*(slowly(id) for id in ids))
        assert {e.offer_id for e in await heard.wait(50) if isinstance(e, Receipt)} == set(ids)


async def test_an_endless_line_is_cut_off(tmp_path: Path) -> None:
    async with listening(tmp_path / "socks") as (reply, heard):
        reader, writer = await asyncio.open_unix_connection(reply.path)
        with contextlib.suppress(OSError):
            for _ in range(80):
                writer.write(b"x" * 100_000)
                await writer.drain()
        assert isinstance((await heard.wait())[0], Odd)
        with contextlib.suppress(OSError):
            assert await reader.read() == b""
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_the_socket_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    async with listening(tmp_path / "socks") as (reply, _):
        assert stat.S_IMODE(reply.path.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "socks").stat().st_mode) == 0o700
    assert not reply.path.exists()


async def test_a_stale_socket_of_ours_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "socks"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / f"{NAME}.sock"))
    async with listening(folder):
        with pytest.raises(SocketTaken, match="another process listens"):
            await ReplySocket.open(NAME, lambda event: None, [folder])


async def test_a_socket_that_took_our_place_is_left_alone(tmp_path: Path) -> None:
    async with listening(tmp_path / "socks") as (reply, _):
        reply.path.unlink()
        reply.path.write_text("somebody else's")
    assert reply.path.read_text() == "somebody else's"


def planted_file(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / f"{NAME}.sock").write_text("precious")


def planted_link(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / f"{NAME}.sock").symlink_to(folder / "elsewhere")


def planted_fifo(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.mkfifo(folder / f"{NAME}.sock")


def open_folder(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def linked_folder(folder: Path) -> None:
    (folder.parent / "real").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "real")


@pytest.mark.parametrize("plant", [planted_file, planted_link, planted_fifo, open_folder, linked_folder])
async def test_a_place_that_is_not_ours_is_passed_over_for_the_next(
    tmp_path: Path, plant: Callable[[Path], None]
) -> None:
    plant(tmp_path / "first")
    before = sorted(path.name for path in (tmp_path / "first").iterdir())
    with pytest.raises(SocketTaken):
        await ReplySocket.open(NAME, lambda event: None, [tmp_path / "first"])
    reply = await ReplySocket.open(NAME, lambda event: None, [tmp_path / "first", tmp_path / "second"])
    assert reply.path.parent == tmp_path / "second"
    await reply.aclose()
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == before


@pytest.mark.parametrize("name", ["", "x", "../../etc/x", "12DA918F2669B285", NAME + "0", NAME + "\n"])
async def test_a_name_of_another_shape_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError):
        await ReplySocket.open(name, lambda event: None, [tmp_path])


def test_a_remote_address_has_one_name_and_the_documented_places() -> None:
    assert reply_socket_name("mac1", "mac2/api") == reply_socket_name("mac1", "mac2/api")
    assert len({reply_socket_name("a", "bc"), reply_socket_name("ab", "c"), reply_socket_name("abc")}) == 3
    assert [str(folder) for folder in socket_folders(7)] == [
        "/tmp/cc-socks",
        "/tmp/cc-socks-7",
        "/run/user/7/cc-socks",
    ]


@contextlib.asynccontextmanager
async def a_session(tmp_path: Path) -> AsyncIterator[tuple[Registered, ClaudeRegistry, Session]]:
    with Registered(tmp_path) as registered:
        registered.listener.setblocking(False)
        registry = ClaudeRegistry(registered.config)
        (session,) = registry.find().sessions
        registered.listener.accept()[0].close()  # the registry's question
        yield registered, registry, session


async def posted(registered: Registered) -> bytes:
    connection, _ = await asyncio.get_running_loop().sock_accept(registered.listener)
    with connection:
        data = b""
        while piece := await asyncio.get_running_loop().sock_recv(connection, 65536):
            data += piece
    return data


async def offer(registry: object, session: Session, text: str = "hello", timeout: float = 5.0) -> None:
    await post(
        registry,  # type: ignore[arg-type]
        session,
        offer_id=OFFER,
        text=text,
        reply=None,
        from_name="mac2/web",
        from_session="mf_1",
        timeout=timeout,
    )


async def test_a_post_is_one_line_for_one_conversation(tmp_path: Path) -> None:
    async with a_session(tmp_path) as (registered, registry, session):
        _, data = await asyncio.gather(offer(registry, session), posted(registered))
        frame = json.loads(data)
        assert data.count(b"\n") == 1
        assert (frame["session_id"], frame["msg_id"], frame["priority"]) == (session.session_id, OFFER, "next")


async def test_a_large_post_is_written_whole(tmp_path: Path) -> None:
    async with a_session(tmp_path) as (registered, registry, session):
        _, data = await asyncio.gather(offer(registry, session, "y" * 900_000), posted(registered))
        assert len(json.loads(data)["message"]["content"]) > 900_000


async def test_nothing_is_written_for_another_conversation(tmp_path: Path) -> None:
    async with a_session(tmp_path) as (registered, registry, session):
        registered.write(sessionId="00000000-1111-4222-8333-444444444444")
        with pytest.raises(Unreachable, match="another conversation"):
            await offer(registry, session)
        with pytest.raises(BlockingIOError):
            registered.listener.accept()


async def test_a_session_without_an_inbox_or_whose_socket_is_gone_is_unreachable(tmp_path: Path) -> None:
    async with a_session(tmp_path) as (registered, registry, session):
        registered.listener.close()
        with pytest.raises(Unreachable):
            await offer(registry, session)
        registered.write(messagingSocketPath=None)
        with pytest.raises(Unreachable, match="no inbox"):
            await offer(registry, session)
        registered.path.unlink()
        with pytest.raises(Unreachable, match="ended"):
            await offer(registry, session)


async def test_nothing_is_written_to_a_socket_on_which_another_process_listens(tmp_path: Path) -> None:
    async with a_session(tmp_path) as (_, _, session):
        path = tmp_path / "stranger.sock"
        script = (
            "import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print(); "
            "sys.stdout.flush(); c,_=s.accept(); print(len(c.recv(9)))"
        )
        stranger = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(path), stdout=asyncio.subprocess.PIPE
        )
        assert stranger.stdout is not None
        await stranger.stdout.readline()

        class Misled:
            def reread(self, session: Session) -> Session:
                return replace(session, socket=path)

        with pytest.raises(Unreachable, match="another process"):
            await offer(Misled(), session)
        output, _ = await stranger.communicate()
        assert output.strip() == b"0", "it was told nothing"


async def test_a_session_that_does_not_accept_any_more_is_unreachable(tmp_path: Path) -> None:
    async with a_session(tmp_path) as (registered, registry, session), contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            waiting.connect_ex(str(registered.socket_path))
        with pytest.raises(Unreachable):
            await offer(registry, session)


async def test_a_session_that_stops_reading_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    async with a_session(tmp_path) as (_, registry, session):
        with pytest.raises(UnknownOutcome):
            await offer(registry, session, "z" * 900_000, timeout=0.3)


async def test_whoever_is_cancelled_while_closing_a_socket_ends_and_so_does_the_socket(tmp_path: Path) -> None:
    reply = await ReplySocket.open(NAME, Heard().tell, [tmp_path / "socks"])
    closing = asyncio.create_task(reply.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert not reply.path.exists()
