"""The surfaces of one stand-in node: HTTP over its Unix socket, and the command line as a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multifleet import local_http
from tests.stand_in import StandIn, serving

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Surfaces:
    """A node and the ways to ask it."""

    node: StandIn
    home: Path
    port: int

    async def http(self, method: str, path: str, values: dict[str, Any]) -> tuple[int, Any]:
        status, body = await self.exchange(local_http.request_for(method, path, values))
        return status, json.loads(body)

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_unix_connection(self.home / "socket")
        writer.write(request)
        answer = await reader.read()
        writer.close()
        head = local_http.head_of(answer)
        assert head is not None
        return head[0], answer[head[1] :]

    async def cli(self, *words: str, stdin: bytes = b"", cwd: Path | None = None, **environment: str) -> Ran:
        return await run_cli(self.home, *words, stdin=stdin, cwd=cwd, **environment)


async def run_cli(home: Path, *words: str, stdin: bytes = b"", cwd: Path | None = None, **environment: str) -> Ran:
    """Run one command with a bare environment."""
    known = {
        "MULTIFLEET_HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "multifleet",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=known | environment,
        cwd=cwd or home,
    )
    out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def surfaces_of(home: Path, node: StandIn | None = None) -> AsyncIterator[Surfaces]:
    """The surfaces of a new stand-in whose daemon lives in this home."""
    node = node or StandIn()
    async with serving(home, node) as server:
        yield Surfaces(node, home, server.addresses[0][1])
