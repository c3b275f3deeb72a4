"""Operations that try out every road through the server, a node that records, and a peer that answers."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from multifleet.errors import StoreUnavailable, UnknownMessage
from multifleet.node.counters import Counters
from multifleet.operations.operation import Effect, Operation, Request, View
from multifleet.operations.views import HealthView


class Note(Request):
    text: str
    count: int = 1
    tags: tuple[str, ...] = ()


class Find(Request):
    id: str
    limit: int = 10
    loud: bool = False
    tags: tuple[str, ...] = ()


class Nothing(Request):
    pass


class Noted(View):
    text: str
    count: int = 1


class Found(View):
    id: str
    limit: int
    loud: bool
    tags: tuple[str, ...]


@dataclass
class Node:
    """Records what operations asked of it."""

    asked: list[Any] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: asyncio.Event = field(default_factory=asyncio.Event)


async def note(node: Node, request: Note) -> Noted:
    node.asked.append(request)
    return Noted(request.text, request.count)


async def find(node: Node, request: Find) -> Found:
    return Found(request.id, request.limit, request.loud, request.tags)


async def wait(node: Node, request: Nothing) -> Noted:
    node.begun.set()
    try:
        await node.go_on.wait()
    except asyncio.CancelledError:
        node.given_up.set()
        raise
    node.ended.set()
    return Noted("waited")


async def fail(node: Node, request: Note) -> Noted:
    if request.text == "unknown":
        raise UnknownMessage("no message has\nthis id")
    if request.text == "full":
        raise StoreUnavailable("the disk is full")
    raise KeyError(request.text)


async def big(node: Node, request: Find) -> Noted:
    return Noted("x" * request.limit)


async def health(node: Node, request: Nothing) -> HealthView:
    return HealthView(ok=True, node="mac1", version="1", uptime=2.0)


OPERATIONS = (
    Operation("note", "POST /note", Effect.WRITES, Note, Noted, note, status=202, body_limit=4096),
    Operation("find", "GET /notes/{id}", Effect.READS, Find, Found, find),
    Operation("wait", "GET /wait", Effect.READS, Nothing, Noted, wait),
    Operation("hold", "POST /hold", Effect.WRITES, Nothing, Noted, wait),
    Operation("fail", "POST /fail", Effect.WRITES, Note, Noted, fail),
    Operation("big", "GET /big/{id}", Effect.READS, Find, Noted, big),
    Operation("health", "GET /health", Effect.READS, Nothing, HealthView, health),
)


class Counts(Counters):
    """The daemon's counters, and a sign when one of them moves."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.changed = asyncio.Event()

    def count(self, name: str, by: int = 1) -> None:
        super().count(name, by)
        self._moved(name, by)

    def failed(self, name: str, **facts: object) -> None:
        super().failed(name, **facts)
        self._moved(name, 1)

    def _moved(self, name: str, by: int) -> None:
        self.counts[name] += by
        self.changed.set()


class Peer:
    """Answers with what it got, turned round."""

    def __init__(self) -> None:
        self.remotes: list[str] = []

    async def frames(self, body: bytes, remote: str) -> tuple[int, bytes]:
        self.remotes.append(remote)
        return 200, body[::-1]

    async def join(self, body: bytes, remote: str) -> tuple[int, bytes]:
        return 403, body[::-1]
