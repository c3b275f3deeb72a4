"""Y, the yardstick: a fast pipeline of two daemons that does nothing else a product has to do.

Durable outbox, sealed and signed HTTP hop, verified, durable dedupe and inbox, acknowledged. Group commit, up to
64 frames a request when a queue is there, no timer, the outbox's commit overlapped with the hop. With `--together`
one frame goes around a whole batch, which saves 63 seals, signatures and nonces of 64.
"""

import argparse
import asyncio
import signal
import sqlite3
import time
from collections import deque
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from aiohttp import web

from benchmarks.commands import SOCKET, say, serve_commands
from benchmarks.group_commit import GroupCommit, connect, insert_rows
from benchmarks.http_client import Pool
from benchmarks.ids import time_ordered_id
from benchmarks.intake import serve_messages
from benchmarks.sealing import seal, unseal

AT_MOST = 64
OUTBOX = """CREATE TABLE IF NOT EXISTS outbox (row INTEGER PRIMARY KEY, id TEXT, recipient TEXT, created INT,
 packet BLOB, state TEXT) STRICT"""
INBOX = """CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, until INT) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, sender TEXT, created INT, stored_at REAL, packet BLOB)
 STRICT, WITHOUT ROWID"""


class Message(msgspec.Struct):
    id: str
    to: str
    type: str
    created: int
    expires: int
    body: str


class Answer(msgspec.Struct):
    re: str
    states: list[str]


class Waiting:
    """A message on its way; `done` resolves when it is committed here and stored there."""

    __slots__ = ("done", "message", "row")

    def __init__(self, row: int, message: Message, done: asyncio.Future[None]) -> None:
        self.row, self.message, self.done = row, message, done


class Sender:
    def __init__(self, home: Path, hop: Pool, hops: int, together: bool) -> None:
        connection = connect(home / "outbox.db", OUTBOX)
        self._row = connection.execute("SELECT coalesce(max(row), 0) FROM outbox").fetchone()[0]
        self._stored: list[int] = []
        self._outbox = GroupCommit(connection, self._commit)
        self._hop_client, self._together = hop, together
        self._queue: deque[Waiting] = deque()
        self._hops = hops
        self._open_hops = 0
        self._undelivered = 0
        self._empty = asyncio.Event()
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(Answer).decode
        self._tasks: set[asyncio.Task[None]] = set()

    def _commit(self, connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> list[None]:
        insert_rows(connection, "INSERT INTO outbox VALUES {}", rows)
        stored, self._stored = self._stored, []
        if stored:
            marks = ",".join(map(str, stored))
            connection.execute(f"UPDATE outbox SET state='stored' WHERE row IN ({marks})")
        return [None] * len(rows)

    def _take(self, body: str) -> tuple[Waiting, asyncio.Future[None]]:
        now = int(time.time())
        self._row += 1
        message = Message(time_ordered_id(), "mac2/api", "context", now, now + 3600, body)
        waiting = Waiting(self._row, message, asyncio.get_running_loop().create_future())
        committed = self._outbox.put((self._row, message.id, "mac2", now, self._encode(message), "queued"))
        self._undelivered += 1
        self._queue.append(waiting)
        if self._open_hops < self._hops:
            self._open_hops += 1
            task = asyncio.create_task(self._hop())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return waiting, committed

    async def send(self, body: str) -> None:
        waiting, committed = self._take(body)
        await waiting.done
        await committed

    async def accept(self, body: str) -> None:
        await self._take(body)[1]

    async def drained(self) -> None:
        while self._undelivered:
            self._empty.clear()
            await self._empty.wait()

    async def _hop(self) -> None:
        queue = self._queue
        await asyncio.sleep(0)
        while queue:
            batch = [queue.popleft() for _ in range(min(AT_MOST, len(queue)))]
            nonce, request = self._frames([waiting.message for waiting in batch])
            try:
                status, body = await self._hop_client.post(b"/frame", request)
            except OSError:
                queue.extendleft(reversed(batch))
                await asyncio.sleep(0.05)
                continue
            answer = self._decode(unseal(body)[1])
            assert status == 200 and answer.re == nonce
            self._stored.extend(waiting.row for waiting in batch)
            for waiting in batch:
                waiting.done.set_result(None)
            self._undelivered -= len(batch)
        self._open_hops -= 1
        if not self._undelivered:
            self._empty.set()

    def _frames(self, messages: list[Message]) -> tuple[str, bytes]:
        """The request for a batch, and the nonce that its answer names."""
        now, nonce, parts = int(time.time()), "", []
        for few in [messages] if self._together else [[message] for message in messages]:
            nonce, frame = seal("mac1", "mac2", now, self._encode(few))
            parts += len(frame).to_bytes(4, "big"), frame
        return nonce, b"".join(parts)

    async def aclose(self) -> None:
        await self._hop_client.aclose()
        self._outbox.close()


def split(request: bytes) -> list[bytes]:
    """The frames of a request: each behind its length in four bytes."""
    frames, at = [], 0
    while at < len(request):
        end = at + 4 + int.from_bytes(request[at : at + 4], "big")
        frames.append(request[at + 4 : end])
        at = end
    return frames


class Recipient:
    def __init__(self, home: Path) -> None:
        self._inbox = GroupCommit(connect(home / "inbox.db", INBOX), self._commit)
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(list[Message]).decode

    def _commit(
        self, connection: sqlite3.Connection, arrived: list[tuple[list[str], list[tuple[Any, ...]]]]
    ) -> list[list[str]]:
        nonces = [(nonce, rows[0][2] + 600) for nonces, rows in arrived for nonce in nonces]
        insert_rows(connection, "INSERT INTO nonces VALUES {}", nonces)
        rows = [row for _, rows in arrived for row in rows]
        insert_rows(connection, "INSERT INTO inbox VALUES {} ON CONFLICT DO NOTHING", rows)
        return [["stored"] * len(rows) for _, rows in arrived]

    async def take(self, request: web.BaseRequest) -> web.Response:
        now, encode = time.time(), self._encode
        nonces: list[str] = []
        rows: list[tuple[Any, ...]] = []
        for frame in split(await request.read()):
            nonce, packet = unseal(frame)
            nonces.append(nonce)
            rows += [(m.id, "mac1", m.created, now, encode(m)) for m in self._decode(packet)]
        states = await self._inbox.put((nonces, rows))
        answer = seal("mac2", "mac1", int(now), encode(Answer(nonces[-1], states)))[1]
        return web.Response(body=answer)

    def close(self) -> None:
        self._inbox.close()


async def run_sender(home: Path, port: int, hops: int, together: bool) -> None:
    sender = Sender(home, Pool(("127.0.0.1", port)), hops, together)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(sender.aclose)
        await serve_messages(stack, home / SOCKET, sender.accept)
        await serve_commands(sender, home / SOCKET)


async def run_recipient(home: Path, port: int) -> None:
    recipient = Recipient(home)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    runner = web.ServerRunner(web.Server(recipient.take, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    say({"port": runner.addresses[0][1]})
    await stopped.wait()
    await runner.cleanup()
    recipient.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["sender", "recipient"])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--hops", type=int, default=2, help="requests under way at a time")
    parser.add_argument("--together", action="store_true", help="one frame around a batch")
    chosen = parser.parse_args()
    if chosen.role == "sender":
        uvloop.run(run_sender(chosen.home, chosen.port, chosen.hops, chosen.together))
    else:
        uvloop.run(run_recipient(chosen.home, chosen.port))


if __name__ == "__main__":
    main()
