"""Random faults from a printed seed on a fleet of real daemons that write to each other, and the invariants at the end.

    bin/chaos [--seconds 120] [--seed 7] [--hosts 4] [--rate 20] [--faults loss,partition,kill] [--preset f8|f14]

The same seed draws the same faults in the same order; what the kernel makes of them is its own. Every message that was
accepted is written into a history outside the hosts. Exit status 0: all held.
"""

import argparse
import json
import os
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.lab.chaos_faults import KINDS
from tests.lab.chaos_verdict import judge
from tests.lab.fault import Fault
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.footprint import Footprint
from tests.lab.members import wait_met
from tests.lab.scenarios import Outcome, apart, bad_wires
from tests.lab.two_sites import SITES, TwoSites

HOSTS, SECONDS, RATE = 4, 120.0, 20.0
"""Unless told otherwise; the last one is messages a second."""
AT_ONCE = 3
"""Faults in place at one time."""
PAUSE, LASTS = (0.5, 4.0), (1.0, 12.0)
"""Seconds between two faults, and of one."""
CANARY = f"canary-{secrets.token_hex(8)}"
"""In every body; in no log."""

PRESETS: dict[str, tuple[int, Callable[[Fleet, float], Outcome], float]] = {
    "f8": (3, lambda fleet, seconds: apart(fleet, seconds, 500), 300.0),
    "f14": (3, lambda fleet, seconds: bad_wires(fleet, seconds, 1_000), 600.0),
}
"""Hosts, what is done, and for how many seconds unless told."""


class Chaos:
    """One run: `run`, then read `history`."""

    def __init__(self, fleet: Fleet, seed: int, kinds: list[str], rate: float, history: Path) -> None:
        self.fleet = fleet
        self.faults = random.Random(seed)
        self.messages = random.Random(seed + 1)
        self.kinds = kinds
        self.rate = rate
        self.history = history.open("w")
        self.began = time.monotonic()
        self.standing: list[tuple[float, str, FleetNode, Fault]] = []

    def run(self, seconds: float) -> None:
        """Faults and messages for so long; all faults are undone at the end."""
        next_fault = next_message = number = 0.0
        while (now := time.monotonic() - self.began) < seconds:
            for standing in [one for one in self.standing if one[0] <= now]:
                self._undo(standing)
            if now >= next_fault:
                self._fault(now)
                next_fault = now + self.faults.uniform(*PAUSE)
            if now >= next_message:  # and more at once for those that a slow fault has held up
                number += 1
                self._message(int(number))
                next_message += self.messages.expovariate(self.rate)
            time.sleep(0.01)
        for standing in list(self.standing):
            self._undo(standing)
        self.history.close()

    def _fault(self, now: float) -> None:
        # Drawn in any case, so that one seed makes one schedule however long starting a fault takes.
        name, node = self.faults.choice(self.kinds), self.faults.choice(self.fleet.nodes)
        lasts, own = self.faults.uniform(*LASTS), random.Random(self.faults.random())
        kind = KINDS[name]
        node = kind.node(self.fleet, node)
        busy = any(one is node and kind.bars(KINDS[other]) for _, other, one, _ in self.standing)
        if len(self.standing) >= AT_ONCE or busy:
            return
        fault = kind.start(self.fleet, node, own)
        self.standing.append((now + lasts, name, node, fault))
        print(f"{now:7.1f} s  {fault.what}, {lasts:.1f} s", flush=True)

    def _undo(self, standing: tuple[float, str, FleetNode, Fault]) -> None:
        self.standing.remove(standing)
        standing[3].undo()
        print(f"{time.monotonic() - self.began:7.1f} s  over: {standing[3].what}", flush=True)

    def _message(self, number: int) -> None:
        sender, recipient = self.messages.sample(self.fleet.nodes, 2)
        stopped = {node.name for _, name, node, _ in self.standing if KINDS[name].of_daemon}
        if sender.name in stopped:
            return
        try:
            id = sender.send(recipient.name, f"{number} {CANARY}")
        except (OSError, AssertionError) as error:
            print(f"{time.monotonic() - self.began:7.1f} s  not accepted at {sender.name}: {error}", flush=True)
            return
        at = round(time.monotonic() - self.began, 3)
        self.history.write(json.dumps({"at": at, "from": sender.name, "to": recipient.name, "id": id}) + "\n")
        self.history.flush()


def _fleet(stack: ExitStack, hosts: int, *, every_channel: bool) -> Fleet:
    """All up and met; four hosts without a preset have every channel between them."""
    if every_channel and hosts == len(SITES):
        sites = stack.enter_context(TwoSites())
        for _ in range(2):  # once they have told each other what they need for it
            sites.warm_up()
        sites.wait_healthy("nats")  # its server starts some seconds after the chief
        return sites.fleet
    fleet = stack.enter_context(Fleet([f"mac{number}" for number in range(1, hosts + 1)]))
    fleet.found()
    wait_met(fleet.nodes)
    return fleet


def random_faults(
    seed: int, seconds: float, history: Path, *, hosts: int = HOSTS, kinds: Sequence[str] = (), rate: float = RATE
) -> Outcome:
    """Play them on a fleet of its own; without `kinds` faults of all kinds, `rate` messages a second."""
    with _watched(hosts, every_channel=True) as (fleet, outcome):
        Chaos(fleet, seed, list(kinds or KINDS), rate, history).run(seconds)
    return outcome


def preset(scenario: Callable[[Fleet, float], Outcome], hosts: int, seconds: float) -> Outcome:
    """One of the scenarios."""
    with _watched(hosts, every_channel=False) as (fleet, outcome):
        found = scenario(fleet, seconds)
        outcome.figures |= found.figures
        outcome.broken += found.broken
    return outcome


@contextmanager
def _watched(hosts: int, *, every_channel: bool) -> Iterator[tuple[Fleet, Outcome]]:
    """A fleet, and what the invariants say of it at the end."""
    with ExitStack() as stack:
        fleet = _fleet(stack, hosts, every_channel=every_channel)
        os.sync()  # a power cut takes what nobody has written back, and what was set up is no part of that
        before = {node.name: Footprint.of(node) for node in fleet.nodes}
        outcome = Outcome()
        yield fleet, outcome
        judge(fleet, before, outcome, CANARY)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="bin/chaos", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--hosts", type=int, default=HOSTS)
    parser.add_argument("--rate", type=float, default=RATE, help="messages a second")
    parser.add_argument("--faults", default=",".join(KINDS), help=f"of: {', '.join(KINDS)}")
    parser.add_argument("--preset", choices=sorted(PRESETS), help="one fault of the list, in full")
    parser.add_argument("--history", type=Path, default=Path("/tmp/multifleet-chaos.jsonl"))
    chosen = parser.parse_args()
    kinds = chosen.faults.split(",")
    if unknown := sorted(set(kinds) - KINDS.keys()):
        parser.error(f"no fault {', '.join(unknown)}: choose of {', '.join(KINDS)}")
    hosts, scenario, seconds = PRESETS.get(chosen.preset, (chosen.hosts, None, SECONDS))
    seconds = chosen.seconds or seconds
    print(f"seed {chosen.seed}, {hosts} hosts, {seconds:g} s, {chosen.preset or chosen.faults}", flush=True)
    if scenario:
        outcome = preset(scenario, hosts, seconds)
    else:
        outcome = random_faults(chosen.seed, seconds, chosen.history, hosts=hosts, kinds=kinds, rate=chosen.rate)
    for name, figure in outcome.figures.items():
        print(f"{name}: {figure}")
    for broken in outcome.broken:
        print(f"BROKEN  {broken}")
    print(f"seed {chosen.seed}: {'BROKEN' if outcome.broken else 'all held'}")
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
