"""A fleet of real daemons on hosts, joined as users join them, and what must hold after every fault."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from multifleet.core.drop import ASIDE, seed_name
from tests.lab.client_install import clients_folder
from tests.lab.fleet_node import NODE_HOME, FleetNode
from tests.lab.health_watch import HealthWatch
from tests.lab.lab import Lab
from tests.lab.program import ROOT, program
from tests.lab.tools import wait_for

STORED = ("stored", "offered", "held", "refused", "seen", "answered")
"""States that only the recipient states, and only of what it has on disk."""


class Fleet:
    """`with Fleet(["mac1", "mac2"]) as fleet`: initialized, joined, up, and watched."""

    def __init__(
        self, names: Sequence[str] | Mapping[str, int] = ("mac1", "mac2"), *, disk: str | None = "64M"
    ) -> None:
        program()
        self.lab = Lab(names, expose=[ROOT, clients_folder()])
        self.disk = disk
        self.nodes: list[FleetNode] = []
        self.watches: list[HealthWatch] = []

    def __enter__(self) -> "Fleet":
        self.lab.__enter__()
        try:
            for host in self.lab.hosts:
                host.env["PATH"] = f"{program().parent}:{self.lab.path}"
                host.env["MULTIFLEET_HOME"] = NODE_HOME
                if self.disk:
                    host.durable_disk(size=self.disk)
                self.nodes.append(FleetNode(host))
        except BaseException:
            self.lab.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for watch in self.watches:
            watch.stop()
        if kind is not None:
            for node in self.nodes:
                print(f"--- log of {node.name}\n{node.log()[-4000:]}")
        self.lab.close()

    def __getitem__(self, name: str) -> FleetNode:
        return next(node for node in self.nodes if node.name == name)

    def found(self) -> "Fleet":
        """`init` and `up` on all, then all others join the first."""
        for node in self.nodes:
            node.cli("init")
            node.up()
        first, *others = self.nodes
        for node in others:
            code = first.ask("invite")["code"]
            node.ask("join", code)
        self.watches = [HealthWatch(node) for node in self.nodes]
        return self

    def wait_nats(self, timeout: float = 20.0) -> None:
        """Until the chief runs its NATS server and all are connected: what a daemon then holds, it keeps."""
        for node in self.nodes:
            wait_for(lambda node=node: node.counted("nats_connected"), timeout, 0.1, f"{node.name} connected to NATS")

    @contextmanager
    def without_nats(self) -> Iterator[None]:
        """The NATS server, on the first host, is out of the others' reach, and who was connected is not any more: what
        it has been given before would still be read."""
        first, *others = self.nodes
        with first.host.block_port(4222, how="reset"):
            for node in others:
                node.host.cut_connections(4222)
            yield

    def wait_drained(self, timeout: float = 15.0) -> None:
        """I4: every outbox is empty this soon after the last fault ended."""
        wait_for(
            lambda: not any(node.open_rows() for node in self.nodes),
            timeout,
            0.1,
            f"empty outboxes, still open: {[(node.name, node.open_rows()) for node in self.nodes]}",
        )

    def check(self) -> None:
        """The invariants that can be read from the stores and the watches at any time."""
        for node in self.nodes:
            for message, to in node.accepted.items():
                self._check_message(node, message, self[to.split("/")[0]])
            doubled = node.rows("SELECT sender, id FROM inbox GROUP BY sender, id HAVING count(*) > 1")
            assert not doubled, f"I2: twice in the inbox of {node.name}: {doubled}"
        for watch in self.watches:
            watch.check()

    def _check_message(self, sender: FleetNode, message: str, recipient: FleetNode) -> None:
        arrived = recipient.rows("SELECT state FROM inbox WHERE id = ? AND sender = ?", message, sender.name)
        kept = sender.rows("SELECT state, reason FROM outbox WHERE id = ? AND peer = ?", message, recipient.name)
        assert arrived or kept, f"I1: {message} from {sender.name} is nowhere"
        assert kept, f"I1: {message} has no row at its sender"
        state, reason = kept[0]
        if not arrived:
            assert state not in STORED or state == "refused", f"I3: {message} is called {state}"
            assert state == "queued" or reason, f"I1: {message} is {state} for no reason"
        said = sender.rows('SELECT state, "by" FROM receipts WHERE message_id = ?', message)
        for claim, by in said:
            if claim in STORED:
                assert by == recipient.name, f"I3: {by} states {claim} of {message}"

    def check_no_secret(self, *canaries: str) -> None:
        """No log, on any host, holds any of these."""
        for node in self.nodes:
            text = node.log()
            for canary in canaries:
                assert canary not in text, f"I8: a secret or a body in the log of {node.name}"


def drop_frame(node: FleetNode, frame: bytes, number: int) -> Path:
    """Lay a frame into the node's drop folder, as whoever can log in there does it; its place."""
    place = path_of(node, f"drop/{seed_name(f'{number:032x}')}")
    aside = place.with_name(ASIDE + place.name)
    aside.write_bytes(frame)
    aside.rename(place)
    return place


def path_of(node: FleetNode, name: str) -> Path:
    """A file of the node's home, as this process reaches it."""
    return node.host.path(f"{NODE_HOME}/{name}")
