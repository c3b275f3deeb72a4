"""The fleet in one line and in one dot, for status bars that ask every few seconds; imports next to nothing."""

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing it costs more than the line
    from typing import Any

LONGEST = 120
"""Characters of the line."""
WELL, WAITS, FAULT = "\u25cf", "\u25d0", "\u25cb"
"""Full: all is well. Half: something waits, or a member is not there. Empty: no daemon, or a fault of this node."""
COLOURS = {WELL: "\x1b[32m", WAITS: "\x1b[33m", FAULT: "\x1b[31m"}
DOT_STATUS = {WELL: 0, WAITS: 3, FAULT: 1}
"""The exit status beside the dot."""

_DOWN = ("dead", "suspect", "asleep")
"""What is told by name, the most important first."""
_OUT = ("left", "revoked")


def line(found: "dict[str, Any]", now: float) -> str:
    """How many are up, who is not, and what waits; where not all names have room it says how many more there are."""
    members = [member for member in found["members"] if member["state"] not in _OUT]
    up = sum(member["state"] == "alive" for member in members)
    head = f"mf {_short(found['node'], 24)}: {up}/{len(members)} up"
    if found["degraded"]:
        head += ", DEGRADED"
    if found["stopped"]:
        head += ", STOPPED"
    if found["problems"]:
        head += f", {len(found['problems'])} to settle"
    counts = (("outbox", "to deliver"), ("unread", "unread"))
    tail = "".join(f", {found[name]} {words}" for name, words in counts if found[name])
    missing = sorted(
        (member for member in members if member["state"] in _DOWN),
        key=lambda member: (_DOWN.index(member["state"]), -(member["since"] or 0.0), member["node"]),
    )
    named = ""
    for told, member in enumerate(missing):
        left = len(missing) - told
        text = f", {_short(member['node'], 24)} {member['state']}{_age(member, now)}"
        more = f", +{left - 1} more" if left > 1 else ""
        if len(head + named + text + more + tail) > LONGEST:
            return _short(f"{head}{named}, +{left} more{tail}", LONGEST)
        named += text
    return _short(head + named + tail, LONGEST)


def dot(found: "dict[str, Any]") -> str:
    """WELL, WAITS or FAULT. A member that said that it sleeps is well."""
    if found["degraded"]:
        return FAULT
    absent = any(member["state"] in ("dead", "suspect") for member in found["members"])
    waits = absent or found["stopped"] or found["problems"] or found["repairs"] or found["outbox"] or found["unread"]
    return WAITS if waits else WELL


def line_without_daemon(reason: str) -> str:
    """The line where nobody answers."""
    return _short(f"mf: DOWN, {reason}", LONGEST)


def _age(member: "dict[str, Any]", now: float) -> str:
    if member["state"] == "asleep" or member["since"] is None:
        return ""
    seconds = max(0.0, now - member["since"])
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f" {int(seconds / length)}{unit}"
    return f" {int(seconds)}s"


def _short(text: str, room: int) -> str:
    from multifleet.core.visible import visible

    inert = visible(text, one_line=True)
    return inert if len(inert) <= room else inert[: room - 1] + "\u2026"
