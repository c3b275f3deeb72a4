"""The faults that bin/chaos draws from: each is a row of the table, and is undone by the Fault that it returns."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.lab.fault import Fault
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault; `of_daemon`: at most one such at a time on a node."""

    start: Callable[[Fleet, FleetNode, random.Random], Fault]
    of_daemon: bool = False


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
    return Fault(f"{node.name} killed", [node.up])


def _power(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    node.power_cut()
    return Fault(f"{node.name} without power", [node.up])


def _pause(fleet: Fleet, node: FleetNode, chance: random.Random) -> Fault:
    return node.daemon.paused()


def _another(fleet: Fleet, node: FleetNode, chance: random.Random) -> FleetNode:
    return chance.choice([other for other in fleet.nodes if other is not node])


KINDS: dict[str, Kind] = {
    "loss": Kind(_loss),
    "delay": Kind(_delay),
    "duplicate": Kind(_duplicate),
    "slow": Kind(_slow),
    "cut": Kind(_cut),
    "deaf": Kind(_deaf),
    "unplug": Kind(_unplug),
    "partition": Kind(_partition),
    "reset": Kind(_reset),
    "kill": Kind(_kill, of_daemon=True),
    "power": Kind(_power, of_daemon=True),
    "pause": Kind(_pause, of_daemon=True),
}
