"""A client that is none: this process itself, with a session's record, an inbox that it reads, and a transcript."""

import asyncio
import contextlib
import json
import os
import socket
import time
import uuid
from pathlib import Path
from typing import Any, Self

from multifleet.sessions.claude_transcript import transcript_path
from multifleet.sessions.claude_wire import idle_line, report_line
from tests.sessions.records import SESSION_ID, Registered


class Pretended:
    """`async with Pretended(config, folder) as client`: a session of a client that does only what a test says."""

    def __init__(self, config: Path, folder: Path, **changes: Any) -> None:
        self.config = config
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.record = Registered(config, cwd=str(folder), startedAt=time.time() * 1000, **changes)
        self.lines: list[dict[str, Any]] = []
        self._reading: list[tuple[socket.socket, asyncio.Task[None]]] = []
        self._waiting: list[socket.socket] = []
        self._last: str | None = None

    async def __aenter__(self) -> Self:
        self.record.listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self.record.listener, self._accept)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.end()
        await asyncio.gather(*(reading for _, reading in self._reading), return_exceptions=True)

    def end(self) -> None:
        """The session is over and leaves nothing behind."""
        while self._waiting:
            self._waiting.pop().close()
        if self.record.listener.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.record.listener)
            self.record.listener.close()
        for connection, reading in self._reading:
            reading.cancel()
            reading.add_done_callback(lambda _, connection=connection: connection.close())  # also of one not begun yet
        self.record.path.unlink(missing_ok=True)
        self.record.socket_path.unlink(missing_ok=True)

    def stand_still(self) -> None:
        """As many connections wait as may, and none is taken."""
        asyncio.get_running_loop().remove_reader(self.record.listener)
        self.record.listener.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
                self._waiting[-1].connect(str(self.record.socket_path))

    def go_on(self) -> None:
        """Take connections again."""
        while self._waiting:
            self._waiting.pop().close()
        self.record.listener.listen(8)
        asyncio.get_running_loop().add_reader(self.record.listener, self._accept)

    @property
    def transcript(self) -> Path:
        """Where it writes what happened."""
        path = transcript_path(self.config, str(self.folder), SESSION_ID)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    async def offered(self, count: int = 1, timeout: float = 30.0) -> dict[str, Any]:
        """The newest line that came, once there are so many."""
        async with asyncio.timeout(timeout):
            while len(self.lines) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.lines[-1]

    async def say(self, line: dict[str, Any], status: str) -> None:
        """The client's own notice about an offer."""
        notice = report_line(
            line_id=str(uuid.uuid4()), about=line["msg_id"], status=status, reason="-", from_address="uds:/x.sock"
        )
        _, writer = await asyncio.open_unix_connection(line["from"].removeprefix("uds:"))
        writer.write(notice)
        writer.close()
        await writer.wait_closed()

    async def rest(self, wish: dict[str, Any], state: str = "idle") -> None:
        """The notice that it rests and holds nothing, to who asked."""
        notice = idle_line(
            line_id=str(uuid.uuid4()), about=wish["msg_id"], state=state, finished_at=None, from_address="uds:/x.sock"
        )
        _, writer = await asyncio.open_unix_connection(wish["from"].removeprefix("uds:"))
        writer.write(notice)
        writer.close()
        await writer.wait_closed()

    async def drop(self, line: dict[str, Any], reason: str) -> None:
        """The notice that it dropped an offer."""
        notice = {"type": "control", "action": "peer_message_status", "status": "dropped", "drop_reason": reason}
        _, writer = await asyncio.open_unix_connection(line["from"].removeprefix("uds:"))
        writer.write(json.dumps({**notice, "orig_msg_id": line["msg_id"]}).encode() + b"\n")
        writer.close()
        await writer.wait_closed()

    def enter(self, line: dict[str, Any]) -> None:
        """The offer becomes part of the conversation."""
        self._append(type="user", origin={"kind": "peer", "msg_id": line["msg_id"]}, promptSource="system")

    def answer(self, text: str) -> None:
        """The model says something, and its turn is over."""
        content = [{"type": "text", "text": text}]
        message = {"id": f"m{uuid.uuid4()}", "model": "claude", "content": content, "stop_reason": "end_turn"}
        self._append(type="assistant", entrypoint="cli", message=message)
        self._append(type="system", subtype="turn_duration")

    def _append(self, **record: Any) -> None:
        record |= {"uuid": str(uuid.uuid4()), "parentUuid": self._last}
        self._last = record["uuid"]
        with self.transcript.open("a") as file:
            file.write(json.dumps(record, separators=(",", ":")) + "\n")

    def _accept(self) -> None:
        # Not sock_accept: what it has accepted when it is cancelled is lost, and never closed.
        connection, _ = self.record.listener.accept()
        self._reading.append((connection, asyncio.create_task(self._read(connection))))

    async def _read(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with connection:
            connection.setblocking(False)
            data = b""
            while piece := await loop.sock_recv(connection, 1 << 20):
                data += piece
        self.lines += [json.loads(line) for line in data.splitlines()]


def is_seed_of(home: Path) -> bool:
    """Whether a seed lies ready."""
    return os.path.lexists(home / "seeds" / SESSION_ID / "next")
