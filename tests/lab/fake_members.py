"""A program on a host: many members in one process, each with the daemon's own presence engine, around one real daemon.

    fake_members.py PLACE REAL COUNT < codes        one join code a line

Each joins as a machine does, without a daemon, and then listens at a loopback address of its own. What they tell each
other stays inside the process; what goes to the real daemon and comes from it are true frames over UDP. Every second a
line says how many bytes have come from it and gone to it. It serves no HTTP.
"""

import asyncio
import heapq
import itertools
import json
import os
import random
import secrets
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from multifleet.core import frame, packets
from multifleet.core.keys import PairKeys
from multifleet.core.presence.effects import Effect, Reply, Send
from multifleet.core.presence.engine import Presence
from multifleet.core.presence.gossip import Facts, Gossip
from multifleet.node.node import Node
from multifleet.node.setup import init
from tests.lab.crowd import address_of
from tests.lab.fleet_node import PORT

FACTS = Facts(version="0.1.0", branch="main", commit="0" * 12, sessions=1, seats=["main"], load=0.5, disk=50_000)


@dataclass
class Fake:
    """One member."""

    name: str
    engine: Presence
    outgoing: PairKeys
    incoming: PairKeys
    wire: socket.socket
    due: float = 0.0


@dataclass
class Company:
    """All of them, in one queue of events."""

    real: str
    address: tuple[str, int]
    fakes: dict[str, Fake] = field(default_factory=dict)
    received: int = 0
    sent: int = 0
    _queue: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    async def join(self, place: Path, number: int, code: str) -> None:
        """Make a node and let it in, as the command line does where no daemon runs."""
        name, host = f"fake-{number:03}", address_of(number + 1)
        home = place / name
        home.mkdir(mode=0o700)
        config = {"nodeId": name, "keys": "file", "bind": [host], "port": PORT}
        (home / "config.json").write_text(json.dumps(config))
        setup, _ = init(home, name)
        node = await Node.open(setup)
        try:
            await node.join(code, [])
            identity, fleet = node.members.identity, node.members.fleet
            keys = identity.pair(fleet, self.real, node.members.need(self.real).row.x25519)
        finally:
            await node.aclose()
        wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        wire.setblocking(False)
        wire.bind((host, PORT))
        engine = Presence(
            name,
            int(time.time() * 1_000),
            1.0,
            random.random,
            lambda data: identity.sign(data).hex(),
            lambda name, data, signature: True,
            fleet,
        )
        engine.facts = FACTS
        self.fakes[name] = Fake(name, engine, *keys, wire)
        self._selector.register(wire, selectors.EVENT_READ, self.fakes[name])

    def run(self) -> None:
        """For ever."""
        now = time.monotonic()
        for fake in self.fakes.values():
            self._carry_out(fake, fake.engine.set_members([*self.fakes, self.real], now))
            self._plan(fake)
        self._at(now, self._tell)
        while True:
            wait = max(0.0, self._queue[0][0] - time.monotonic())
            for key, _ in self._selector.select(wait):
                self._read(key.data)
            while self._queue and self._queue[0][0] <= time.monotonic():
                heapq.heappop(self._queue)[2](time.monotonic())

    def _at(self, moment: float, job: Callable[[float], None]) -> None:
        heapq.heappush(self._queue, (moment, next(self._order), job))

    def _plan(self, fake: Fake) -> None:
        due = fake.engine.next_due()
        if fake.due <= time.monotonic() or due < fake.due:
            fake.due = due
            self._at(due, lambda now: self._tick(fake, due))

    def _tick(self, fake: Fake, due: float) -> None:
        if due == fake.due:
            self._carry_out(fake, fake.engine.tick(time.monotonic()))
            fake.due = 0.0
            self._plan(fake)

    def _read(self, fake: Fake) -> None:
        while True:
            try:
                data = fake.wire.recv(2048)
            except BlockingIOError:
                return
            self.received += len(data)
            opened = frame.open_frame(data, fake.name, lambda _sender, _kid: fake.incoming, time.time())
            self._hear(fake, self.real, packets.read(opened.packet, Gossip))

    def _hear(self, fake: Fake, sender: str, gossip: Gossip) -> None:
        self._carry_out(fake, fake.engine.hear(sender, gossip, time.monotonic()))
        self._plan(fake)

    def _carry_out(self, fake: Fake, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if not isinstance(effect, Send | Reply):
                continue
            other = self.fakes.get(effect.to)
            if other is not None:
                self._pass_on(fake.name, other, effect.gossip)
                continue
            packet = packets.write(effect.gossip)
            nonce = secrets.token_bytes(16)
            data = frame.seal(fake.outgoing, fake.name, self.real, int(time.time()), nonce, packet)
            self.sent += len(data)
            fake.wire.sendto(data, self.address)

    def _pass_on(self, sender: str, to: Fake, gossip: Gossip) -> None:
        self._at(time.monotonic() + 0.0005, lambda now: self._hear(to, sender, gossip))

    def _tell(self, now: float) -> None:
        print(f"bytes {now:.3f} {self.received} {self.sent}", flush=True)
        self._at(now + 1.0, self._tell)


def main(place: str, real: str, count: str) -> None:
    """Join all, say so, and go on."""
    os.umask(0o077)
    company = Company(real, (address_of(1), PORT))
    for number in range(1, int(count) + 1):
        asyncio.run(company.join(Path(place), number, sys.stdin.readline().strip()))
    print("joined", flush=True)
    company.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
