"""A bare repository on disk, and nodes that have it as their git remote."""

import asyncio
import hashlib
import struct
import subprocess
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from multifleet.channels.base import Here, Parcel, Target
from multifleet.channels.git import GitChannel
from multifleet.config import Config, GitSettings
from multifleet.core.git_mail import GitMail
from tests.channels.here import here

FLEET = "f" * 32
MAIL = GitMail(FLEET)


def frame(sender: str, recipient: str, text: bytes = b"sealed") -> bytes:
    """What looks like a frame to whoever has no key."""
    return f"mf1 {sender} {recipient} {'0' * 16} 1700000000 {'1' * 32} {'2' * 64}\n".encode() + text


class Repository:
    """One that is asked by git itself, as a person would."""

    def __init__(self, path: Path) -> None:
        self.path = path
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)

    def git(self, *words: str, fed: bytes = b"") -> bytes:
        done = subprocess.run(["git", "-C", str(self.path), *words], input=fed, capture_output=True, check=True)
        return done.stdout

    def refs(self, under: str = "refs/") -> list[str]:
        return [ref for ref in self.git("for-each-ref", "--format=%(refname)", under).decode().split("\n") if ref]

    def mailbox(self, node: str) -> list[str]:
        return self.refs(MAIL.mailbox(node))

    def plant(self, ref: str, content: bytes) -> None:
        blob = self.git("hash-object", "-w", "--stdin", fed=content).decode().strip()
        self.git("update-ref", ref, blob)

    def plant_delta(self, ref: str, copies: int) -> None:
        """A blob that lies there as a few bytes, which say that it is so many copies of 4 MB of zeros."""
        size = 4 * 1024 * 1024
        base = bytes(size)
        copy = b"\xf0" + size.to_bytes(3, "little")
        delta = _sized(size) + _sized(size * copies) + copy * copies
        name = hashlib.sha1(b"blob %d\0" % size + base).digest()
        parts = [_packed(3, size) + zlib.compress(base), _packed(7, len(delta)) + name + zlib.compress(delta)]
        pack = struct.pack(">4sII", b"PACK", 2, len(parts)) + b"".join(parts)
        self.git("index-pack", "--stdin", fed=pack + hashlib.sha1(pack).digest())
        made = hashlib.sha1(b"blob %d\0" % (size * copies))
        for _ in range(copies):
            made.update(base)
        self.git("update-ref", ref, made.hexdigest())

    def objects(self) -> bytes:
        """The contents of all objects, one after the other."""
        return self.git("cat-file", "--batch-all-objects", "--batch")


def _sized(number: int) -> bytes:
    """Seven bits in a byte, the lowest first."""
    return bytes([number & 127 | 128]) + _sized(number >> 7) if number > 127 else bytes([number])


def _packed(kind: int, size: int) -> bytes:
    """How an object in a pack begins: four bits of the size beside its kind."""
    first = kind << 4 | size & 15
    return bytes([first | 128]) + _sized(size >> 4) if size > 15 else bytes([first])


class Node:
    """A channel, what it handed to its node, and what its node has to say."""

    def __init__(self, name: str, channel: GitChannel) -> None:
        self.name = name
        self.channel = channel
        self.frames: list[bytes] = []
        self.counted: list[str] = []
        self.status = 200
        self.waiting: dict[str, bytes] = {}
        self.got = asyncio.Event()

    async def receive(self, frame: bytes, where: str, channel: str, at_rest: bool) -> tuple[int, bytes]:
        assert channel == "git" and at_rest
        self.frames.append(frame)
        self.got.set()
        return self.status, b""

    async def waiting_for(self, peer: str) -> bytes | None:
        return self.waiting.get(peer)

    async def send(self, to: str, text: bytes = b"sealed", ids: tuple[str, ...] = ("1",)) -> Any:
        return await self.channel.deliver(Target(to), Parcel(frame(self.name, to, text), ids))

    async def look(self) -> str:
        return await self.channel.mend(Target("anybody"))


@asynccontextmanager
async def node(name: str, home: Path, remote: str, every: float = 3_600.0, **given: Any) -> AsyncIterator[Node]:
    """A node that looks for letters when it is told to; `given` goes to `here`."""
    made = Node(name, GitChannel())
    loops: list[asyncio.Task[None]] = []

    def spawn(what: str, run: Callable[[], Awaitable[None]]) -> None:
        loops.append(asyncio.ensure_future(run()))

    settings: dict[str, Any] = {
        "node": name,
        "fleet": lambda: FLEET,
        "config": Config(git=GitSettings(remote=remote, every=every)),
        "receive": made.receive,
        "waiting_for": made.waiting_for,
        "spawn": spawn,
        "count": lambda name, **facts: made.counted.append(name),
    }
    node_here: Here = here(home, **(settings | given))
    async with AsyncExitStack() as stack:
        await made.channel.start(stack, node_here)
        try:
            yield made
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  it happens in another program
            await asyncio.sleep(0.02)
