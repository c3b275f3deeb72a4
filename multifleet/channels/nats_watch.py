"""Sees to it that no login has more connections to this node's own NATS server than a daemon needs.

The server has no such limit of its own for logins that share subjects. It tells of each connection as it is opened,
in an account to which this watch alone has a login, and is asked then how many that login has. So nothing is done
while nobody comes. The watch holds its one connection from the start, before others can have taken all there are.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from multifleet.channels import nats_config
from multifleet.channels.nats_servers import Server
from multifleet.loading import load

if TYPE_CHECKING:
    from multifleet.channels.nats_library import Msg
    from multifleet.channels.nats_wire import Wire

ANSWER_SECONDS = 2.0
REST = 0.5
"""Seconds until the next try to come in."""
BLIND_SECONDS = 30.0
"""Without a connection after which the server is held to be of no use."""
ROWS = 1_024
"""Connections of which the server tells in one answer."""


class NatsWatch:
    """One run of the server; `start` and `stop` it with that."""

    def __init__(self, server: Server, node: str, bar: Callable[[str, int], Awaitable[None]]) -> None:
        """`bar` is told a login that has too many connections, and how many it has."""
        self._server = server
        self._node = node
        self._bar = bar
        self._lost_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_blind(self) -> bool:
        """Whether it has not come in for too long, or has ended by a fault."""
        if self._task is not None and self._task.done():
            return True
        return self._lost_at is not None and asyncio.get_running_loop().time() - self._lost_at > BLIND_SECONDS

    def start(self) -> None:
        """Watch in the background."""
        self._task = asyncio.create_task(self._run(), name="nats watch")

    async def stop(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        await load("multifleet.channels.nats_wire")
        from multifleet.channels.nats_wire import Wire, WireError

        loop = asyncio.get_running_loop()
        self._lost_at = loop.time()
        while True:
            try:
                wire = await Wire.open(self._server, self._node)
            except WireError:
                await asyncio.sleep(REST)
                continue
            try:
                await self._hold(wire)
            except WireError:
                pass  # it is opened anew, and is_blind says when that is in vain
            finally:
                if self._lost_at is None:
                    self._lost_at = loop.time()
                wire.abort("it is not used any more")
            await asyncio.sleep(REST)

    async def _hold(self, wire: "Wire") -> None:
        come: set[str] = set()
        news = asyncio.Event()

        async def came(message: "Msg") -> None:
            said = _read(message.data).get("client")
            login = said.get("user") if isinstance(said, dict) else None
            if isinstance(login, str) and login:
                come.add(login)
                news.set()

        await wire.hear(f"$SYS.ACCOUNT.{nats_config.ACCOUNT}.CONNECT", came)
        await self._look(wire)
        self._lost_at = None
        while not wire.closed.is_set():
            while come:  # of a thousand connections of one login it is asked once
                await self._look(wire, come.pop())
            news.clear()
            waits = [asyncio.ensure_future(event.wait()) for event in (wire.closed, news)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    async def _look(self, wire: "Wire", login: str = "") -> None:
        """How many connections a login has, or all; those that have too many are told."""
        asked = {"auth": True, "limit": ROWS, "acc": nats_config.ACCOUNT} | ({"user": login} if login else {})
        told = await wire.ask("$SYS.REQ.SERVER.PING.CONNZ", json.dumps(asked).encode(), ANSWER_SECONDS)
        data = _read(told.data).get("data")
        rows = data.get("connections") if isinstance(data, dict) else None
        found = Counter(str(row.get("authorized_user", "")) for row in rows or () if isinstance(row, dict))
        for name, number in found.items():
            if number > nats_config.LOGIN_CONNECTIONS:
                await self._bar(name, number)


def _read(data: bytes) -> dict[str, Any]:
    """What the server said; nothing where that has no sense."""
    try:
        said = json.loads(data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
