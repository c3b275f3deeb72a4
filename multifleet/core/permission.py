"""Who may send what to the seats of a node: rules of its user, the most exact of which decides.

A rule allows a sender nothing, context, or tasks as well. Where no rule fits, all is allowed, as it is to members.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["nothing", "context", "task"]
EVERYBODY = "*"
"""As a sender: all; as a seat: all seats, and what is for the node alone."""
TASKS = frozenset({"task", "repair"})
"""Types that ask for work."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one sender may send to one seat."""

    seat: str
    """Its name, or `*`."""
    sender: str
    """NODE/SEAT, NODE for all of that machine, or `*`."""
    level: Level


def rule_for(rules: Iterable[Rule], seat: str | None, sender: str) -> Rule | None:
    """The rule that decides: one for the very seat before one for all, the exact sender before its node before all."""
    node = sender.partition("/")[0]
    order = {
        (place, who): (nth_place, nth_who)
        for nth_place, place in enumerate((seat, EVERYBODY))
        for nth_who, who in enumerate((sender, node, EVERYBODY))
    }
    fitting = [rule for rule in rules if rule.seat is not None and (rule.seat, rule.sender) in order]
    return min(fitting, key=lambda rule: order[rule.seat, rule.sender], default=None)


def refusal(rules: Iterable[Rule], seat: str | None, sender: str, type: str) -> str | None:
    """Why a message is not taken; None where it is."""
    rule = rule_for(rules, seat, sender)
    if rule is None or rule.level == "task":
        return None
    where = seat or "this machine"
    if rule.level == "nothing":
        return f"{where} takes no messages from {sender}: its user has decided so"
    if type in TASKS:
        return f"{where} takes context from {sender} and no {type}: its user has decided so"
    return None
