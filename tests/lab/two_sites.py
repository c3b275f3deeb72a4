"""Four machines on two sites with every channel between two of them, and each channel cut by itself.

mac1, the chief, has the NATS server and is a relay; mac2, beside it, writes; mac4, on the other site, is written to;
mac3, beside that one, is the other relay and has the git remote. Each channel has machines or ports of its own to be
cut by, so that cutting one leaves the others whole.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.lab.fault import Fault
from tests.lab.fleet import Fleet, path_of
from tests.lab.fleet_node import NODE_HOME, PORT, FleetNode
from tests.lab.machine import HOME
from tests.lab.members import wait_met
from tests.lab.tools import wait_for

SITES = {"mac1": 0, "mac2": 0, "mac3": 1, "mac4": 1}
RELAY_PORT, NATS_PORT, SSH_PORT = 8844, 4222, 22
INSTEAD = "/srv/instead"
"""First on the PATH of whoever logs in: a program that lies there is run in the place of ours."""
GIT_EVERY = 2
"""Seconds between two looks into the git remote."""


class TwoSites:
    """`with TwoSites() as sites`: all four up and met, every channel between `sender` and `recipient` ready."""

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.fleet = Fleet(SITES)
        self._settings = dict(settings or {})
        self._remote = ""

    def __enter__(self) -> "TwoSites":
        self.fleet.__enter__()
        try:
            self._furnish()
            self.fleet.found()
            wait_met(self.fleet.nodes)
        except BaseException as error:
            self.fleet.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        self.fleet.__exit__(*error)

    @property
    def chief(self) -> FleetNode:
        """Has the NATS server, and relays."""
        return self.fleet["mac1"]

    @property
    def sender(self) -> FleetNode:
        """Beside the chief."""
        return self.fleet["mac2"]

    @property
    def third(self) -> FleetNode:
        """Relays as well, and has the git remote."""
        return self.fleet["mac3"]

    @property
    def recipient(self) -> FleetNode:
        """On the other site."""
        return self.fleet["mac4"]

    def cut(self, *channels: str, how: str = "drop") -> Fault:
        """Between sender and recipient these channels are dead, and all others as they were."""
        faults = [fault for channel in channels for fault in _CUTS[channel](self, how)]
        return Fault(f"{' and '.join(channels)} {how}", [fault.undo for fault in faults])

    def cut_one_way(self, channel: str, frm: FleetNode, to: FleetNode) -> Fault:
        """What `frm` sends to `to` on the ports of a direct channel is lost; what `to` sends arrives."""
        port = {"http": PORT, "ssh": SSH_PORT}[channel]
        return to.host.block_port(port, source=frm.host)

    def without(self, channel: str) -> Fault:
        """Of the two channels over SSH one finds nothing at the recipient: `seed` no folder, `ssh` no program."""
        home = path_of(self.recipient, "")
        if channel == "seed":
            drop, aside = home / "drop", home / "aside"
            drop.rename(aside)
            return Fault("no drop folder", [lambda: _put_back(aside, drop)])
        program = self.recipient.host.path(f"{INSTEAD}/multifleet")
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\nexit 127\n")
        program.chmod(0o755)
        return Fault("no multifleet there", [program.unlink])

    def channels(self, node: FleetNode, peer: FleetNode) -> dict[str, str]:
        """The states of a node's channels to a peer, by name."""
        return {row["channel"]: row["state"] for row in node.get("/channels")["channels"] if row["peer"] == peer.name}

    def wait_healthy(self, *channels: str, timeout: float = 30.0) -> None:
        """Until the sender calls all of these healthy."""
        wait_for(
            lambda: {self.channels(self.sender, self.recipient).get(channel) for channel in channels} == {"healthy"},
            timeout,
            0.1,
            f"{', '.join(channels)} healthy",
        )

    def try_all(self) -> dict[str, str]:
        """Have both ends try every channel now, so that what was cut is known to work again; the sender's results."""
        ends = ((self.sender, self.recipient), (self.recipient, self.sender))
        with ThreadPoolExecutor(len(ends)) as both:
            told, _ = both.map(lambda end: end[0].request("GET", f"/check?node={end[1].name}", timeout=30)[1], ends)
        return {row["channel"]: row["result"] for row in told["channels"]}

    def warm_up(self) -> None:
        """Have everybody try every channel to everybody: what a channel needs is loaded then, and stays."""
        with ThreadPoolExecutor(len(self.fleet.nodes)) as all_at_once:
            list(all_at_once.map(lambda node: node.request("GET", "/check?all=true", timeout=60), self.fleet.nodes))

    def settings(self, node: FleetNode) -> dict[str, Any]:
        """What stands in a node's configuration beside what it says of the others."""
        git = {"remote": self._remote, "every": GIT_EVERY}
        return {"keys": "file", "sshHostKeys": ["/srv/ssh/host_key.pub"], "git": git, **self._settings}

    def entry(self, node: FleetNode, other: FleetNode) -> dict[str, Any]:
        """What a node's configuration says of another."""
        start = ["env", f"MULTIFLEET_HOME={NODE_HOME}", f"PATH={INSTEAD}:{other.host.env['PATH']}", "multifleet"]
        return {"host": other.host.ip, "user": "root", "ssh_key": f"{HOME}/.ssh/id_ed25519", "remote_command": start}

    def _furnish(self) -> None:
        for node in self.fleet.nodes:
            node.host.start_sshd()
        self._remote = self.third.host.git_remote()
        for node in self.fleet.nodes:
            others = {other.name: self.entry(node, other) for other in self.fleet.nodes if other is not node}
            home = path_of(node, "")
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            (home / "config.json").write_text(json.dumps(self.settings(node) | {"nodes": others}))


def _between(port: int) -> Callable[[TwoSites, str], list[Fault]]:
    """A port of the two, for each other."""

    def cut(sites: TwoSites, how: str) -> list[Fault]:
        one, other = sites.sender.host, sites.recipient.host
        return [one.block_port(port, source=other, how=how), other.block_port(port, source=one, how=how)]

    return cut


def _nats(sites: TwoSites, how: str) -> list[Fault]:
    return [
        sites.chief.host.block_port(NATS_PORT, source=node.host, how=how) for node in (sites.sender, sites.recipient)
    ]


def _relay(sites: TwoSites, how: str) -> list[Fault]:
    return [
        relay.host.block_port(port, source=node.host, how=how)
        for relay in (sites.chief, sites.third)
        for port in (RELAY_PORT, PORT)
        for node in (sites.sender, sites.recipient)
    ]


def _git(sites: TwoSites, how: str) -> list[Fault]:
    return [
        sites.third.host.block_port(SSH_PORT, source=node.host, how=how) for node in (sites.sender, sites.recipient)
    ]


_CUTS: dict[str, Callable[[TwoSites, str], list[Fault]]] = {
    "nats": _nats,
    "http": _between(PORT),
    "relay": _relay,
    "ssh": _between(SSH_PORT),  # and seed files, which go the same way
    "git": _git,
}
CUTTABLE = tuple(_CUTS)


def _put_back(aside: Path, drop: Path) -> None:
    """The folder as it was; with it what a daemon that was too busy had laid by in a new one meanwhile."""
    if drop.exists():
        for path in drop.glob("*.frame"):
            with suppress(FileNotFoundError):  # the daemon has just taken it
                path.rename(aside / path.name)
        shutil.rmtree(drop)
    aside.rename(drop)
