"""A fleet in which every cause that `why` knows is made for real: who asks, who is asked about, perhaps a third one.

The clock of the one that is asked about can be set, a logind of the test's own can tell it that its machine sleeps, and
it can be another program or another node for a while.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.lab.fault import Fault
from tests.lab.fleet import Fleet, path_of
from tests.lab.fleet_node import NODE_HOME, FleetNode
from tests.lab.program import ROOT, program
from tests.lab.tools import LabError, wait_for
from tests.node.sleep.system_bus import SystemBus

ASKER, PEER, THIRD = "mac1", "mac2", "mac3"
NATS_PORT = 4222
BUS = "/srv/bus"
OTHER = "/srv/other"
"""A copy of the program that is not quite the same."""
ANEW = "/srv/data/anew"
"""The home of a node that has the peer's name and keys of its own, until it takes the peer's place."""
WHY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Topology:
    """Where the machines are, and what leads from one to another."""

    name: str
    sites: Mapping[str, int]
    chief: str
    nats: str
    """The machine with the NATS server."""
    ssh: bool
    """Whether the peer has an SSH server from the beginning."""
    closed: bool = False
    """Whether asker and peer do not reach each other at first, but by the third."""


TOPOLOGIES = (
    Topology("two on one network", {ASKER: 0, PEER: 0}, chief=PEER, nats=ASKER, ssh=True),
    Topology("three on one network", {ASKER: 0, PEER: 0, THIRD: 0}, chief=THIRD, nats=THIRD, ssh=False),
    Topology("two sites", {ASKER: 0, PEER: 1, THIRD: 0}, chief=THIRD, nats=THIRD, ssh=True, closed=True),
)


class WhyLab:
    """`with WhyLab(topology) as lab`: all up, and nothing is wrong."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.fleet = Fleet(topology.sites, disk=None)
        self.is_closed = topology.closed
        self._gate = Fault("asker and peer are apart")
        self._bus: SystemBus | None = None

    def __enter__(self) -> "WhyLab":
        self.fleet.__enter__()
        try:
            self._furnish()
            self._meet()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        if self._bus is not None:
            self._bus.stop()
        self.fleet.__exit__(*error)

    @property
    def asker(self) -> FleetNode:
        """Who asks why."""
        return self.fleet[ASKER]

    @property
    def peer(self) -> FleetNode:
        """Who is asked about."""
        return self.fleet[PEER]

    @property
    def third(self) -> FleetNode:
        """Chief and relay, where there is one."""
        return self.fleet[THIRD]

    @property
    def bus(self) -> SystemBus:
        """The peer's, with its logind."""
        assert self._bus is not None
        return self._bus

    def why(self) -> dict[str, Any]:
        """The diagnosis."""
        status, found = self.asker.request("GET", f"/why/{PEER}", timeout=WHY_SECONDS)
        assert status == 200, found
        return found

    def ready(self) -> None:
        """The peer runs as itself, is heard, and messages come through by the best way that there is."""
        if not self.peer.running:
            self.start()
        self.wait_through()

    def wait_through(self) -> None:
        """The peer is heard, and messages come through to it."""
        self.wait_heard()
        self.asker.wait_state(self.asker.send(PEER, "is all well?"), "stored", 60)

    def wait_heard(self) -> None:
        """Whoever reaches the peer hears it."""
        node = self.third if self.is_closed else self.asker
        wait_for(lambda: self.state(node) == "alive", 60, 0.05, f"{PEER} alive at {node.name}")

    def ways(self) -> dict[str, str]:
        """What comes of each channel to the peer that is tried now."""
        _, told = self.asker.request("GET", f"/check?node={PEER}", timeout=WHY_SECONDS)
        return {row["channel"]: row["result"] for row in told["channels"]}

    def meet_back(self) -> None:
        """The peer has reached the asker straight."""
        back = f"/check?node={ASKER}"

        def reached() -> bool:
            _, told = self.peer.request("GET", back, timeout=WHY_SECONDS)
            return ("http", "answers") in {(row["channel"], row["result"]) for row in told["channels"]}

        wait_for(reached, 60, 0.1, f"{PEER} reaches {ASKER}")

    def open_gate(self) -> None:
        """Asker and peer reach each other from now on."""
        self._gate.undo()
        self.is_closed = False

    def state(self, node: FleetNode | None = None) -> str:
        """The peer's, as the asker has it, or another node."""
        members = (node or self.asker).get("/status")["members"]
        return next(str(member["state"]) for member in members if member["node"] == PEER)

    def stop(self) -> None:
        """The peer's daemon, whatever it runs as, is told to end."""
        if self.peer.running:
            self.peer.daemon.stop()

    def start(self, path: str = "") -> None:
        """The peer's daemon runs; with `path`, the program that stands there."""
        try:
            self.peer.up(environment=self._environment(path))
        except LabError:
            # The asker may just have brought it up again over SSH: that one knows nothing of our clock and logind.
            self.peer.cli("down", check=False)
            self.peer.up(environment=self._environment(path))

    def start_other_version(self, changes: Mapping[str, tuple[str, str]]) -> None:
        """The peer runs a copy of the program in whose files (below multifleet/) something is another word."""
        place = self.peer.host.dir / OTHER.lstrip("/")
        shutil.copytree(ROOT / "multifleet", place / "multifleet", dirs_exist_ok=True)
        for name, (before, after) in changes.items():
            file = place / "multifleet" / name
            text = file.read_text()
            assert before in text
            file.write_text(text.replace(before, after))
        start = f"import sys; sys.path.insert(0, '{OTHER}'); from multifleet.cli.main import main; sys.exit(main())"
        script = place / "bin" / "multifleet"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\nexec "{self.fleet.lab.python}" -I -c "{start}" "$@"\n')
        script.chmod(0o755)
        self.start(f"{OTHER}/bin")

    @contextmanager
    def set_up_anew(self) -> Iterator[None]:
        """A node of the peer's name with keys of its own runs in the peer's place."""
        self.peer.host.run(["multifleet", "init"], env={"MULTIFLEET_HOME": ANEW})
        home, aside, anew = (self.peer.host.path(place) for place in (NODE_HOME, f"{NODE_HOME}.aside", ANEW))
        home.rename(aside)
        anew.rename(home)
        self.start()
        yield
        self.stop()
        home.rename(anew)  # a login of the asker's may still be at work in it
        aside.rename(home)

    @contextmanager
    def other_host_key(self) -> Iterator[None]:
        """The peer has an SSH server whose host key is not the one that is pinned."""
        host = self.peer.host
        place = host.dir / "srv/ssh"
        before = {file: file.read_bytes() for file in (place / "host_key", place / "host_key.pub")}
        host.new_host_key(publish=False)
        host.kill_named("sshd")
        host.start_sshd()
        yield
        host.kill_named("sshd")
        for file, text in before.items():
            file.write_bytes(text)
        if self.topology.ssh:
            host.start_sshd()

    @contextmanager
    def without_nats(self) -> Iterator[None]:
        """No NATS server runs."""
        self._nats.stop()
        yield
        self._nats = self.fleet[self.topology.nats].host.start_nats(NATS_PORT)

    def _environment(self, path: str = "") -> dict[str, str]:
        own = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={BUS}/bus"}
        return own | ({"PATH": f"{path}:{self.peer.host.env['PATH']}"} if path else {})

    def _furnish(self) -> None:
        program()
        folder: Path = self.peer.host.dir / BUS.lstrip("/")
        folder.mkdir()
        self._bus = SystemBus(folder)
        self._bus.start()
        self._bus.start_logind()
        asker, peer = self.asker, self.peer
        peer.host.small_disk("/srv/data", "16M")
        peer.host.set_clock(0)
        nats = self.fleet[self.topology.nats].host
        self._nats = nats.start_nats(NATS_PORT)
        if self.topology.ssh:
            peer.host.start_sshd()
        command = ["env", f"MULTIFLEET_HOME={NODE_HOME}", str(program())]
        login = {"host": peer.host.ip, "user": "root", "remote_command": command}
        told: dict[str, Any] = {
            "keys": "file",
            "natsUrl": f"nats://{nats.ip}:{NATS_PORT}",
            "chief": {"nodeId": self.topology.chief},
        }
        for node in self.fleet.nodes:
            # One address each, so that one can be lost.
            node.host.run(["ip", "-6", "addr", "flush", "dev", "eth0"], check=False)
            home = path_of(node, "")
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            more = {"nodes": {PEER: login}} if node is asker else {}
            (home / "config.json").write_bytes(msgspec.json.encode(told | more))

    def _meet(self) -> None:
        if self.topology.closed:
            self._gate = self.fleet.lab.refuse(self.asker.host, self.peer.host)
        for node in self.fleet.nodes:
            node.cli("init")
            node.up(environment=self._environment() if node is self.peer else None)
        founder = self.fleet.nodes[-1] if THIRD in self.topology.sites else self.asker
        for node in self.fleet.nodes:
            if node is not founder:
                code = founder.request("POST", "/invite", {})[1]["code"]
                status, said = node.request("POST", "/join-fleet", {"code": code}, timeout=60)
                assert status == 200, said
        self.ready()
