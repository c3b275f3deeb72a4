"""I1 to I8 after a run with faults, by comparing sets: what was accepted with what stores, channels and logs hold."""

import time
from collections.abc import Callable, Mapping

from tests.lab.fleet import Fleet
from tests.lab.footprint import Footprint, wait_back
from tests.lab.members import wait_met
from tests.lab.scenarios import Outcome
from tests.lab.tools import LabError, wait_for

MET_WITHIN = 30.0
"""Seconds after the last fault until all see all alive."""
HEALED_WITHIN = 30.0
"""Seconds after the last fault until every raced channel that failed has had its round trip again."""
QUICK = frozenset({"nats", "http", "relay"})
BACK_WITHIN = 75.0
"""Seconds until kept connections are closed and what a fault took is given back."""


def judge(fleet: Fleet, before: Mapping[str, Footprint], outcome: Outcome, canary: str) -> None:
    """Write into the outcome what does not hold."""
    ended = time.monotonic()

    def holds(what: str, check: Callable[[], object]) -> None:
        try:
            check()
        except (LabError, AssertionError) as error:
            outcome.broken.append(f"{what}: {error}")

    holds("presence after the last fault", lambda: wait_met(fleet.nodes, MET_WITHIN))
    outcome.figures["all met after the last fault, s"] = round(time.monotonic() - ended, 1)
    holds("healing after the last fault", lambda: wait_for(lambda: not _ill(fleet), HEALED_WITHIN, 0.2, "all well"))
    outcome.figures["quick ways all well after the last fault, s"] = round(time.monotonic() - ended, 1)
    if ill := _ill(fleet):
        outcome.figures["not well"] = ", ".join(ill)
    holds("I4", fleet.wait_drained)
    outcome.figures["drained after the last fault, s"] = round(time.monotonic() - ended, 1)
    holds("I1, I2, I3, I5", fleet.check)
    holds("I1", lambda: _all_arrived(fleet))
    holds("I6", lambda: _healthy_by_proof(fleet))
    holds("I8", lambda: fleet.check_no_secret(canary))
    for node in fleet.nodes:
        holds("I7", lambda node=node: wait_back(node, before[node.name], BACK_WITHIN))  # type: ignore[misc]
    outcome.figures["messages accepted"] = sum(len(node.accepted) for node in fleet.nodes)
    answers = [took for watch in fleet.watches for took in watch.answers]
    outcome.figures["slowest answer of /health, ms"] = round(max(answers, default=0.0) * 1_000)


def _all_arrived(fleet: Fleet) -> None:
    """Every message that was accepted is in its recipient's inbox, once, and nothing else is there."""
    for recipient in fleet.nodes:
        came = sorted(recipient.rows("SELECT sender, id FROM inbox"))
        sent = sorted(
            (sender.name, id) for sender in fleet.nodes for id, to in sender.accepted.items() if to == recipient.name
        )
        lost, doubled = set(sent) - set(came), len(came) - len(set(came))
        assert came == sent, f"at {recipient.name}: {len(lost)} lost, {doubled} doubled, {len(came)} of {len(sent)}"


def _ill(fleet: Fleet) -> list[str]:
    """The raced channels that something stands against."""
    return [
        f"{row['channel']} {node.name} -> {row['peer']}: {row['state']} ({row['last_error']})"
        for node in fleet.nodes
        for row in node.get("/channels")["channels"]
        if row["channel"] in QUICK and row["state"] not in ("healthy", "untried")
    ]


def _healthy_by_proof(fleet: Fleet) -> None:
    """A channel that is called healthy has had its signed round trip."""
    for node in fleet.nodes:
        for channel in node.get("/channels")["channels"]:
            assert channel["state"] != "healthy" or channel["last_ok"], f"{node.name}: {channel}"
