"""Asks every node all the time for the states of the others, and keeps who was ever taken for dead."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence

from tests.lab.fleet_node import FleetNode
from tests.lab.members import members_of

EVERY = 0.5
"""Seconds between two rounds; a death lasts longer."""


class StatesWatch:
    """While the `with` block lasts; a node that does not answer is passed over."""

    def __init__(self, nodes: Sequence[FleetNode]) -> None:
        self.nodes = nodes
        self.dead: list[str] = []
        """Sentences: when, who, at whom, and how that was known."""
        self._seen: set[tuple[str, str, float]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> StatesWatch:
        self._look(note=False)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self._look(note=True)

    def _look(self, *, note: bool) -> None:
        for node in self.nodes:
            members = {}
            with contextlib.suppress(OSError, AssertionError, ValueError):
                members = members_of(node)
            for name, member in members.items():
                key = (node.name, name, float(member["since"] or 0.0))
                if member["state"] == "dead" and key not in self._seen:
                    self._seen.add(key)
                    if note:
                        self.dead.append(f"{time.strftime('%H:%M:%S')} {name} at {node.name}: {member['how']}")
