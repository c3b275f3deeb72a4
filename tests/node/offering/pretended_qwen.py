"""A Qwen Code that is none: this process itself, with a session's record and an inbox that it reads."""

import asyncio
import contextlib
import json
import os
import socket
import uuid
from pathlib import Path
from typing import Any, Self

from tests.sessions.qwen_records import TOKEN, QwenRegistered


class PretendedQwen:
    """`async with PretendedQwen(home, folder) as client`: a session of a client that does only what a test says."""

    def __init__(self, home: Path, folder: Path, **changes: Any) -> None:
        self.home = home
        folder.mkdir(parents=True, exist_ok=True)
        self.registered = QwenRegistered(home, cwd=str(folder), **changes)
        (home / "sessions").chmod(0o700)
        self.path = home / "sessions" / f"{os.getpid()}.json"
        self.lines: list[dict[str, Any]] = []
        self._reading: list[tuple[socket.socket, asyncio.Task[None]]] = []

    async def __aenter__(self) -> Self:
        self.registered.listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self.registered.listener, self._accept)
        return self

    async def __aexit__(self, *exc: object) -> None:
        asyncio.get_running_loop().remove_reader(self.registered.listener)
        self.registered.listener.close()
        for _, reading in self._reading:
            reading.cancel()
        await asyncio.gather(*(reading for _, reading in self._reading), return_exceptions=True)
        for connection, _ in self._reading:
            connection.close()
        self.path.unlink(missing_ok=True)
        self.registered.socket_path.unlink(missing_ok=True)

    async def told(self, count: int = 1) -> list[dict[str, Any]]:
        """The lines that came, once there are so many."""
        async with asyncio.timeout(30.0):
            while len(self.lines) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.lines

    def listed(self) -> dict[str, dict[str, Any]]:
        """The programs beside it that it would list, by name."""
        found: dict[str, dict[str, Any]] = {}
        for path in (self.home / "sessions").glob("*.json"):
            with contextlib.suppress(FileNotFoundError):  # it was taken away in this moment
                record = json.loads(path.read_text())
                found |= {record["name"]: record} if record["kind"] == "external" else {}
        return found

    async def send(self, to: str, text: str, mode: str = "prompting", name: str = "api-65") -> str:
        """As its send_message writes it; the client's own id of it."""
        record, id = self.listed()[to], str(uuid.uuid4())
        frame = {
            "msgV": 1,
            "msgId": id,
            "type": "user",
            "from": str(self.registered.socket_path),
            "replyToken": TOKEN,
            "fromName": name,
            "fromMode": mode,
            "toSessionId": record["sessionId"],
            "priority": "next",
            "message": {"role": "user", "content": text},
        }
        _, writer = await asyncio.open_unix_connection(record["ipcPath"])
        writer.write(json.dumps(frame).encode() + b"\n")
        writer.close()
        await writer.wait_closed()
        return id

    def _accept(self) -> None:
        connection, _ = self.registered.listener.accept()
        self._reading.append((connection, asyncio.create_task(self._read(connection))))

    async def _read(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        data = b""
        while piece := await loop.sock_recv(connection, 1 << 20):
            data += piece
        if not data:
            return  # somebody only looked whether it is there
        auth, *lines = [json.loads(line) for line in data.splitlines()]
        assert auth == {"msgV": 1, "type": "auth", "token": TOKEN}
        self.lines += lines
        connection.close()  # the writer waits for that
