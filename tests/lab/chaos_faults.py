"""The faults that bin/chaos draws from: each is a row of the table, and is undone by the Fault that it returns."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.lab.fault import Fault
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.tools import LabError

TRIES = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault; `of_daemon`, `of_machine`, `of_cable`: at most one such at a time on a node."""

    start: Callable[[Fleet, FleetNode, random.Random], Fault]
    of_daemon: bool = False
    of_machine: bool = False
    of_cable: bool = False
    of_chief: bool = False
    """Whatever node was drawn, the first one has it."""

    def bars(self, other: "Kind") -> bool:
        """Whether a node that has the other one cannot have this one too."""
        pairs = zip(self._of, other._of, strict=True)
        return any(mine and theirs for mine, theirs in pairs)

    @property
    def _of(self) -> tuple[bool, ...]:
        return self.of_daemon, self.of_machine, self.of_cable

    def node(self, fleet: Fleet, drawn: FleetNode) -> FleetNode:
        """Who has it."""
        return fleet.nodes[0] if self.of_chief else drawn


def _loss(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return node.host.shape(loss=chance.uniform(0.05, 0.4))


def _delay(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    delay = chance.uniform(0.05, 0.3)
    return node.host.shape(delay=delay, jitter=delay * 0.75)


def _duplicate(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return node.host.shape(duplicate=chance.uniform(0.1, 0.5))


def _slow(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return node.host.rate(f"{chance.randrange(128, 1024)}kbit")


def _cut(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return fleet.lab.cut(node.host, _another(fleet, node, chance).host)


def _deaf(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return node.host.drop_from(_another(fleet, node, chance).host)


def _unplug(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return node.host.unplug()


def _partition(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    hosts = [one.host for one in fleet.nodes]
    chance.shuffle(hosts)
    at = chance.randrange(1, len(hosts))
    return fleet.lab.partition(hosts[:at], hosts[at:])


def _reset(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return Fault(f"{node.name}: {node.host.cut_connections(8855)} connections cut")


def _kill(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    node.kill()
    return Fault(f"{node.name} killed", [lambda: _up_again(node)])


def _power(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    node.power_cut()
    return Fault(f"{node.name} without power", [lambda: _up_again(node)])


def _pause(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return node.daemon.paused()


def _port(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return node.host.block_port(PORT, how=chance.choice(["drop", "reset"]))


def _one_way(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return node.host.block_port(PORT, source=_another(fleet, node, chance).host)


def _nats(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    killed = sum(one.host.kill_named("nats-server") for one in fleet.nodes)
    return Fault(f"{killed} NATS servers killed")


def _chief(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return _kill(fleet, fleet.nodes[0], chance)


def _ssh(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return node.host.stop_sshd()


def _move(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    net, _, number = node.host.ip.rpartition(".")
    return node.host.change_ip(f"{net}.{int(number) + 100}")


def _up_again(node: FleetNode) -> None:
    """Under this program's eyes: what others have brought up meanwhile, over SSH, is stopped first."""
    for _ in range(TRIES):
        node.cli("down", check=False)
        try:
            return node.up()
        except LabError:
            continue  # one of them was just about to
    raise LabError(f"{node.name} does not come up")


def _another(fleet: Fleet, node: FleetNode, chance: random.Random) -> FleetNode:
    return chance.choice([other for other in fleet.nodes if other is not node])


KINDS: dict[str, Kind] = {
    "loss": Kind(_loss),
    "delay": Kind(_delay),
    "duplicate": Kind(_duplicate),
    "slow": Kind(_slow, of_cable=True),
    "cut": Kind(_cut),
    "deaf": Kind(_deaf),
    "unplug": Kind(_unplug),
    "partition": Kind(_partition),
    "reset": Kind(_reset),
    "port": Kind(_port),
    "oneway": Kind(_one_way),
    "nats": Kind(_nats),
    "ssh": Kind(_ssh, of_machine=True),
    "move": Kind(_move, of_machine=True),
    "chief": Kind(_chief, of_daemon=True, of_chief=True),
    "kill": Kind(_kill, of_daemon=True),
    "power": Kind(_power, of_daemon=True),
    "pause": Kind(_pause, of_daemon=True),
}
