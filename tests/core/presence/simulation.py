"""A fleet of `Presence` engines, the very class that the daemon runs, in one queue of events with a clock of its own.

The network between them has latency, loss, duplicates and cuts; nodes die, restart, freeze, sleep and lie. Everything
follows from the seed. `python -m tests.core.presence.simulation` prints the table of docs/why-presence.md.
"""

import gc
import hashlib
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush

from multifleet.core import frame, packets
from multifleet.core.keys import PairKeys
from multifleet.core.presence.effects import Changed, Differs, Effect, Learned, Raised, Reply, Returned, Send, TryHttp
from multifleet.core.presence.engine import Presence
from multifleet.core.presence.gossip import Facts, Gossip
from multifleet.core.presence.states import PresenceState

ALIVE, SUSPECT, DEAD, ASLEEP = PresenceState.ALIVE, PresenceState.SUSPECT, PresenceState.DEAD, PresenceState.ASLEEP
FLEET = "0" * 32
_KEYS = PairKeys(bytes(32), bytes(32), bytes(32), "0" * 16)


def name_of(number: int) -> str:
    """Names of a usual length."""
    return f"machine-{number:04d}"


def signature(node: str, data: bytes) -> str:
    """Stands for Ed25519: nobody but `node` calls it with its name, except a forger, who has no other's."""
    return hashlib.sha512(node.encode() + b" signs " + data).hexdigest()


def frame_overhead(sender: str, recipient: str) -> int:
    """Bytes that a frame adds to its packet."""
    key = (len(sender), len(recipient))
    if key not in _overheads:
        _overheads[key] = len(frame.seal(_KEYS, sender, recipient, 1_700_000_000, bytes(16), b""))
    return _overheads[key]


_overheads: dict[tuple[int, int], int] = {}


@dataclass(frozen=True, slots=True)
class Network:
    """What happens to a datagram. Seconds; shares of 1."""

    latency: float = 0.001
    jitter: float = 0.0005
    loss: float = 0.0
    duplicates: float = 0.0
    http: bool = True
    """Whether an HTTP request gets through where a datagram each way does."""


LAN = Network()
BAD = Network(latency=0.2, jitter=0.15, loss=0.3, duplicates=0.2)


@dataclass(slots=True)
class Node:
    """One machine."""

    name: str
    presence: Presence
    incarnation: int
    up: bool = True
    frozen_until: float = 0.0
    planned: float = float("inf")
    sent_bytes: int = 0
    sent: int = 0
    changes: list[tuple[float, Changed]] = field(default_factory=list)
    learned: set[str] = field(default_factory=set)
    others: list[tuple[float, Effect]] = field(default_factory=list)


class Simulation:
    """A fleet whose clock stands still until `run`."""

    def __init__(self, nodes: int, seed: int = 1, network: Network = LAN, settled: bool = True) -> None:
        self.random = random.Random(seed)
        self.network = network
        self.now = 0.0
        self.names = [name_of(number) for number in range(nodes)]
        self.counting = False
        self.cut: Callable[[str, str], bool] = lambda sender, recipient: False
        """Whether nothing passes from one to the other."""
        self.watchers: list[Callable[[str, str, Gossip], None]] = []
        """Who overhears every datagram that is sent."""
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        with _nothing_to_collect():
            self._begin(settled)

    def _begin(self, settled: bool) -> None:
        self.nodes = {name: self._make(name, 1_700_000_000_000) for name in self.names}
        for node in self.nodes.values():
            node.presence.set_members(self.names, self.now)
            if settled:
                for other in self.names:
                    if other != node.name:
                        node.presence.restore(other, ALIVE, 0.0, "answers pings", 1_700_000_000_000)
                        node.presence.heard(other, 0.0)
            self._later(self.random.random(), self._ticker(node))

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> float:
        """Let time pass; the seconds that did."""
        begun, end = self.now, self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.now, _, job = heappop(self._queue)
            job()
            if until and until():
                return self.now - begun
        self.now = end
        return seconds

    def stop(self, name: str) -> None:
        """Kill a node."""
        self.nodes[name].up = False

    def start(self, name: str, members: Iterable[str] | None = None) -> None:
        """Start a node again, as its daemon does: with a higher incarnation and what its store remembers."""
        old = self.nodes[name]
        node = self.nodes[name] = self._make(name, max(old.incarnation, old.presence.incarnation) + 5_000)
        node.presence.set_members(members or self.names, self.now)
        for peer in old.presence.peers():
            node.presence.restore(peer.name, peer.state, peer.since, peer.how, peer.incarnation)
        self._later(0.0, self._ticker(node))

    def freeze(self, name: str, seconds: float) -> None:
        """The node stops, and what comes for it waits in its socket."""
        self.nodes[name].frozen_until = self.now + seconds

    def call(self, name: str, effects: list[Effect]) -> None:
        """Carry out what one node's engine wants."""
        self._carry_out(self.nodes[name], effects, None)
        self._plan(self.nodes[name])

    def inject(self, sender: str, recipient: str, gossip: Gossip) -> None:
        """A datagram that an attacker with the sender's keys, or a replayer of its frames, puts on the network."""
        self._later(self.network.latency, lambda: self._arrive(sender, recipient, gossip))

    def state(self, at: str, of: str) -> PresenceState:
        """How one node sees another."""
        return self.nodes[at].presence.peer(of).state

    def all_see(self, of: str, state: PresenceState, without: Iterable[str] = ()) -> bool:
        """Whether every living node sees one alike."""
        return all(
            self.state(node.name, of) is state
            for node in self.nodes.values()
            if node.up and node.name != of and node.name not in without
        )

    def deaths(self) -> list[tuple[float, str, str, str]]:
        """All deaths that any node declared: when, where, whose, why."""
        return [
            (at, node.name, change.name, change.how)
            for node in self.nodes.values()
            for at, change in node.changes
            if change.after is DEAD
        ]

    def reset_counts(self) -> None:
        """Begin to count bytes and packets anew."""
        self.counting = True
        for node in self.nodes.values():
            node.sent = node.sent_bytes = 0

    def _make(self, name: str, incarnation: int) -> Node:
        presence = Presence(
            name,
            incarnation,
            1.0,
            random.Random(self.random.random()).random,
            lambda data: signature(name, data),
            lambda node, data, signed: signed == signature(node, data),
            FLEET,
        )
        presence.facts = Facts(
            version="0.3.0", branch="feature/presence", commit="6f4f8fc", sessions=3, seats=["app", "docs"],
            load=0.42, disk=183_422,
        )  # fmt: skip
        presence.digest = "0123456789abcdef"
        return Node(name, presence, incarnation)

    def _later(self, seconds: float, job: Callable[[], None]) -> None:
        self._order += 1
        heappush(self._queue, (self.now + seconds, self._order, job))

    def _ticker(self, node: Node) -> Callable[[], None]:
        def tick() -> None:
            node.planned = float("inf")
            self._carry_out(node, node.presence.tick(self.now), None)
            self._plan(node)

        return lambda: self._when_awake(node, tick)

    def _plan(self, node: Node) -> None:
        due = max(self.now, node.presence.next_due())
        if due < node.planned - 1e-9:
            node.planned = due
            planned = due

            def run() -> None:
                if node.planned == planned:
                    self._ticker(node)()

            self._later(due - self.now, run)

    def _when_awake(self, node: Node, job: Callable[[], None]) -> None:
        if not node.up:
            return
        if self.now < node.frozen_until:
            self._later(node.frozen_until - self.now, lambda: self._when_awake(node, job))
        else:
            job()

    def _carry_out(self, node: Node, effects: list[Effect], back: str | None) -> None:
        for effect in effects:
            match effect:
                case Send(to, gossip, _):
                    self._send(node, to, gossip)
                case Reply(to, gossip):
                    assert to == back, "a reply goes where the ping came from"
                    self._send(node, to, gossip)
                case TryHttp(name):
                    self._try_http(node, name)
                case Changed():
                    node.changes.append((self.now, effect))
                case Learned(_, document):
                    if document.text not in node.learned:
                        node.learned.add(document.text)
                        self._carry_out(node, node.presence.spread(document), None)
                case Differs() | Raised() | Returned():
                    node.others.append((self.now, effect))

    def _send(self, node: Node, to: str, gossip: Gossip) -> None:
        assert to in self.nodes and to != node.name
        if self.counting:
            node.sent += 1
            node.sent_bytes += len(packets.write(gossip)) + frame_overhead(node.name, to)
        for watcher in self.watchers:
            watcher(node.name, to, gossip)
        for _ in range(2 if self.random.random() < self.network.duplicates else 1):
            if self._passes(node.name, to):
                self._later(self._delay(), partial(self._arrive, node.name, to, gossip))

    def _arrive(self, sender: str, to: str, gossip: Gossip) -> None:
        node = self.nodes[to]

        def hear() -> None:
            self._carry_out(node, node.presence.hear(sender, gossip, self.now), sender)
            self._plan(node)

        self._when_awake(node, hear)

    def _try_http(self, node: Node, name: str) -> None:
        there, back = self._passes(node.name, name), self._passes(name, node.name)
        if self.network.http and there and back and self.nodes[name].up:
            other = self.nodes[name]

            def answered() -> None:
                if other.up and self.now >= other.frozen_until:
                    self.call(node.name, node.presence.heard(name, self.now))

            self._later(4 * self._delay(), lambda: self._when_awake(node, answered))

    def _passes(self, sender: str, recipient: str) -> bool:
        return not self.cut(sender, recipient) and self.random.random() >= self.network.loss

    def _delay(self) -> float:
        return self.network.latency + self.network.jitter * (2 * self.random.random() - 1)


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """A million objects that all stay: the collector would look at them again and again while they are made."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def death(nodes: int, seed: int, network: Network = LAN, settle: float = 30.0) -> tuple[float, float]:
    """Seconds from a death to the first node that knows it, and to the last one."""
    fleet = Simulation(nodes, seed, network)
    fleet.run(settle + fleet.random.random())
    victim = fleet.names[fleet.random.randrange(nodes)]
    fleet.stop(victim)
    died = fleet.now
    fleet.run(60, until=every(fleet, 0.1, lambda: fleet.all_see(victim, DEAD)))
    moments = [at for at, _, whose, _ in fleet.deaths() if whose == victim]
    return min(moments) - died, max(moments) - died


def every(fleet: Simulation, seconds: float, test: Callable[[], bool]) -> Callable[[], bool]:
    """The test, made only now and then."""
    last = [fleet.now]

    def now_and_then() -> bool:
        if fleet.now - last[0] < seconds:
            return False
        last[0] = fleet.now
        return test()

    return now_and_then


def traffic(nodes: int, seconds: float = 60.0) -> tuple[float, float]:
    """Bytes of UDP payload and packets that a node sends in a quiet minute."""
    fleet = Simulation(nodes, 1)
    fleet.run(30)
    fleet.reset_counts()
    fleet.run(seconds)
    each = 60.0 / seconds / nodes
    return (
        sum(node.sent_bytes for node in fleet.nodes.values()) * each,
        sum(node.sent for node in fleet.nodes.values()) * each,
    )


def main() -> None:
    """The tables of docs/why-presence.md; takes some minutes."""
    print("| nodes | first knows, mean | all know, mean | all know, worst | KB a minute | packets a minute |")
    for nodes in (3, 5, 30, 100, 300, 1000):
        seeds = {300: 6, 1000: 2}.get(nodes, 100)
        found = [death(nodes, seed, settle=30.0) for seed in range(seeds)]
        octets, messages = traffic(nodes, 20 if nodes > 300 else 60)
        firsts, lasts = zip(*found, strict=True)
        print(
            f"| {nodes} | {sum(firsts) / seeds:.1f} s | {sum(lasts) / seeds:.1f} s | {max(lasts):.1f} s "
            f"| {octets / 1000:.1f} | {messages:.0f} |",
            flush=True,
        )
    print("deaths in ten minutes at 30 % loss, 200 ± 150 ms, 20 % duplicates; the same where it begins after 150 s")
    for nodes in (2, 5, 30):
        counts = []
        for seed in range(20):
            for quiet in (0.0, 150.0):
                fleet = Simulation(nodes, seed, LAN if quiet else BAD, settled=bool(quiet))
                fleet.run(quiet)
                fleet.network = BAD
                fleet.run(600)
                counts.append(len(fleet.deaths()))
        print(nodes, f"{len(counts)} runs:", sum(counts), flush=True)


if __name__ == "__main__":
    main()
