"""The fleet as its nodes see it: each is asked over its own socket, one after the other, until all agree."""

import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

from tests.lab.fleet_node import FleetNode
from tests.lab.tools import LabError
from tests.starved import Starving

EVERY = 0.05
"""Seconds between two questions to one node."""

Member = dict[str, Any]


def members_of(node: FleetNode) -> dict[str, Member]:
    """Everybody whom the node knows, by name."""
    return {member["node"]: member for member in node.get("/status")["members"]}


def states_at(node: FleetNode) -> dict[str, str]:
    """The state of everybody at a node."""
    return {name: str(member["state"]) for name, member in members_of(node).items()}


def wait_all(
    observers: Iterable[FleetNode], seen: Callable[[dict[str, Member]], object], timeout: float, what: str
) -> float:
    """Seconds until what every observer shows of the fleet has once been as it shall; `timeout` counts without those in
    which one of them had no processor."""
    observers = list(observers)
    starving = [Starving(observer.daemon.pid) for observer in observers if observer.running]
    began = time.monotonic()
    for observer in observers:
        while not seen(members := members_of(observer)):
            if time.monotonic() - began > timeout + max((one.seconds for one in starving), default=0.0):
                states = {name: (member["state"], member["how"]) for name, member in members.items()}
                raise LabError(f"not within {timeout:g} s: {what} at {observer.name}: {states}")
            time.sleep(EVERY)
    return time.monotonic() - began


def wait_state(
    observers: Iterable[FleetNode], name: str, states: str | Collection[str], timeout: float
) -> float:
    """Seconds until all observers have this member in one of these states."""
    wanted = {states} if isinstance(states, str) else set(states)
    return wait_all(
        (observer for observer in observers if observer.name != name),
        lambda members: name in members and members[name]["state"] in wanted,
        timeout,
        f"{name} {' or '.join(sorted(wanted))}",
    )


def wait_met(nodes: Collection[FleetNode], timeout: float = 20.0) -> float:
    """Seconds until all of these see all of these alive."""
    names = {node.name for node in nodes}

    def all_alive(members: dict[str, Member]) -> bool:
        return names <= {name for name, member in members.items() if member["state"] == "alive"}

    return wait_all(nodes, all_alive, timeout, f"{len(names)} members alive")
