"""The line protocol between run.py and a process that sends: one JSON object a line, one answer each."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from benchmarks.load import BODY, run_callers

SOCKET = "socket"
"""In the home of a throwaway pipeline."""


class Sender(Protocol):
    """What run.py may ask of whoever sends."""

    async def send(self, body: str) -> None:
        """Returns when the recipient's word that it is stored has come."""

    async def accept(self, body: str) -> None:
        """Returns when the message is durable here."""

    async def drained(self) -> None:
        """Returns when everything accepted is known to be stored."""


async def perform(sender: Sender, command: dict[str, Any]) -> dict[str, Any]:
    """The outcome of one command: callers, accept or drain."""
    match command["do"]:
        case "callers":
            return dict(await run_callers(sender.send, command["callers"], command["seconds"]))
        case "accept":
            for first in range(0, command["count"], 100):
                few = range(first, min(first + 100, command["count"]))
                await asyncio.gather(*(sender.accept(BODY) for _ in few))
            return {"accepted": command["count"]}
        case "drain":
            began = time.perf_counter()
            await sender.drained()
            return {"seconds": time.perf_counter() - began}
    raise ValueError(f"unknown command {command['do']}")


async def serve_commands(sender: Sender, socket: Path) -> None:
    """Answers until standard input ends; local clients post to `socket` meanwhile."""
    say({"socket": str(socket)})
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        say(await perform(sender, json.loads(line)))


def say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
