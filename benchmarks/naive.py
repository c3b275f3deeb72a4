"""N, the naive pipeline: asyncio, json, aiosqlite, one transaction and one request for each message."""

import argparse
import asyncio
import json
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiosqlite
from aiohttp import ClientError, ClientSession, TCPConnector, web

from benchmarks.commands import SOCKET, say, serve_commands
from benchmarks.ids import time_ordered_id
from benchmarks.intake import serve_messages
from benchmarks.sealing import seal, unseal

OUTBOX = """CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, recipient TEXT, created INT,
 packet TEXT, state TEXT)"""
INBOX = """CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, nonce TEXT UNIQUE, sender TEXT,
 created INT, stored_at REAL, packet TEXT)"""


async def connect(path: Path, schema: str) -> aiosqlite.Connection:
    """An open store in which every statement is a transaction and every transaction is flushed."""
    connection = await aiosqlite.connect(path, isolation_level=None)
    await connection.execute("PRAGMA journal_mode=WAL")
    await connection.execute("PRAGMA synchronous=FULL")
    await connection.executescript(schema)
    return connection


class Sender:
    def __init__(self, outbox: aiosqlite.Connection, session: ClientSession, port: int) -> None:
        self._outbox, self._session = outbox, session
        self._url = f"http://127.0.0.1:{port}/frame"
        self._under_way: set[asyncio.Task[None]] = set()

    async def send(self, body: str) -> None:
        await self._deliver(*await self._accept(body))

    async def accept(self, body: str) -> None:
        await self._accept(body)

    async def accept_and_go_on(self, body: str) -> None:
        """Delivers behind the caller's back."""
        task = asyncio.create_task(self._deliver(*await self._accept(body)))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def drained(self) -> None:
        """Sends what waits, one by one."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        query = "SELECT id, packet FROM outbox WHERE state = 'queued' ORDER BY rowid"
        for identity, packet in await self._outbox.execute_fetchall(query):
            while True:
                try:
                    await self._deliver(identity, packet)
                    break
                except ClientError:
                    await asyncio.sleep(0.05)

    async def _accept(self, body: str) -> tuple[str, str]:
        now, identity = int(time.time()), time_ordered_id()
        fixed = {"to": "mac2/api", "type": "context", "created": now, "expires": now + 3600}
        packet = json.dumps({"id": identity, **fixed, "body": body})
        row = (identity, now, packet)
        await self._outbox.execute("INSERT INTO outbox VALUES (?, 'mac2', ?, ?, 'queued')", row)
        return identity, packet

    async def _deliver(self, identity: str, packet: str) -> None:
        nonce, frame = seal("mac1", "mac2", int(time.time()), packet.encode())
        async with self._session.post(self._url, data=frame) as response:
            answer = json.loads(unseal(await response.read())[1])
        assert answer == {"re": nonce, "state": "stored"}
        await self._outbox.execute("UPDATE outbox SET state = 'stored' WHERE id = ?", (identity,))


class Recipient:
    def __init__(self, inbox: aiosqlite.Connection) -> None:
        self._inbox = inbox

    async def take(self, request: web.Request) -> web.Response:
        nonce, opened = unseal(await request.read())
        packet = json.loads(opened)
        row = (packet["id"], nonce, packet["created"], time.time(), json.dumps(packet))
        statement = "INSERT INTO inbox VALUES (?, ?, 'mac1', ?, ?, ?) ON CONFLICT (id) DO NOTHING"
        await self._inbox.execute(statement, row)
        answer = json.dumps({"re": nonce, "state": "stored"}).encode()
        return web.Response(body=seal("mac2", "mac1", int(time.time()), answer)[1])


async def run_sender(home: Path, port: int) -> None:
    outbox = await connect(home / "outbox.db", OUTBOX)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(outbox.close)
        session = await stack.enter_async_context(ClientSession(connector=TCPConnector(limit=0)))
        sender = Sender(outbox, session, port)
        await serve_messages(stack, home / SOCKET, sender.accept_and_go_on)
        await serve_commands(sender, home / SOCKET)


async def run_recipient(home: Path, port: int) -> None:
    inbox = await connect(home / "inbox.db", INBOX)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    app = web.Application()
    app.router.add_post("/frame", Recipient(inbox).take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    say({"port": runner.addresses[0][1]})
    await stopped.wait()
    await runner.cleanup()
    await inbox.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["sender", "recipient"])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    chosen = parser.parse_args()
    run = run_sender if chosen.role == "sender" else run_recipient
    asyncio.run(run(chosen.home, chosen.port))


if __name__ == "__main__":
    main()
