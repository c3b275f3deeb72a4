"""Recipients of a broadcast that verify and answer as a node does and keep nothing, in one process; until stdin ends.

With them the time that passes is the sender's: a hundred machines of their own would work at the same time.
"""

import argparse
import asyncio
import sys
from typing import cast

import uvloop

from benchmarks.commands import say
from multifleet.core import packets
from multifleet.core.frame import Refusal, open_frame
from multifleet.core.packets import BadPacket, Message, PacketAnswer, Request
from multifleet.core.receipts import State
from multifleet.daemon import settle_memory
from multifleet.node.clock import Clocks, NodeClock
from multifleet.node.delivery.exchange import Exchange
from multifleet.node.members import Members
from multifleet.store.rows import LogRow
from tests.core.wire import FLEET, identity
from tests.node.fleet import pinned

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n"


class Taker:
    """One recipient: states of each message that it is stored, and forgets it."""

    def __init__(self, name: str, sender: str, clock: NodeClock) -> None:
        self._members = Members(identity(name), FLEET)
        self._sender = self._members.admit(pinned(identity(sender)))
        self._clock = clock
        self._exchange = Exchange(name, clock, lambda peer: 0)
        self._seq = 0

    def answer(self, frame: bytes) -> bytes:
        """The signed answer to a request."""
        now = self._clock.now()
        opened = open_frame(frame, self._members.identity.node, self._members.incoming_keys, now)
        try:
            request = packets.read(opened.packet, Request)
        except BadPacket:  # a question that only a whole node can answer
            return self._exchange.answer(self._sender, opened.header, refusal=Refusal.STORE_UNAVAILABLE)
        ids = [packets.read(bytes(raw), Message).id for raw in request.packets]
        log = [LogRow(self._seq + place, id, State.STORED, now, "http", 1, None) for place, id in enumerate(ids, 1)]
        self._seq += len(ids)
        answers = [PacketAnswer(id=id, outcome="stored") for id in ids]
        return self._exchange.answer(self._sender, opened.header, log=log, answers=answers)


class Door(asyncio.Protocol):
    """One connection to a recipient."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = int(self._received[:end].lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._received) < end + 4 + length:
            return
        frame, self._received = self._received[end + 4 : end + 4 + length], b""
        answer = self._taker.answer(frame)
        self._transport.write(HEAD % len(answer) + answer)


async def serve(sender: str, names: list[str]) -> None:
    """Take what the sender sends; says the port of each."""
    clock, loop, ports = NodeClock.start(Clocks(), 0.0), asyncio.get_running_loop(), {}
    for name in names:
        taker = Taker(name, sender, clock)
        server = await loop.create_server(lambda taker=taker: Door(taker), "127.0.0.1", 0)  # type: ignore[misc]
        ports[name] = server.sockets[0].getsockname()[1]
    settle_memory()
    say(ports)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sender")
    parser.add_argument("names", nargs="+")
    chosen = parser.parse_args()
    uvloop.run(serve(chosen.sender, chosen.names))


if __name__ == "__main__":
    main()
