"""Results about nodes for people: status, peers, doctor, and what is typed next to make a fleet."""

import time
from typing import Any

from multifleet.cli.render_members import OUT, members_table
from multifleet.cli.table import cell, span

Result = dict[str, Any]


def status(found: Result, now: float | None = None, room: int | None = None) -> str:
    """A few lines, and the table of all members."""
    now = time.time() if now is None else now
    lines = [
        ("node", f"{cell(found['node'])} in fleet {cell(found['fleet'])}: {_counted(found['members'])}"),
        ("chief", f"{cell(found['chief']) if found['chief'] else 'none'} ({cell(found['chief_why'])})"),
        (
            "daemon",
            f"pid {found['pid']}, up {span(now - found['started_at'])}, version {cell(found['version'])}, "
            f"listens on {cell(found['addresses'])}",
        ),
        ("messages", f"{found['outbox']} to deliver, {found['unread']} unread, {found['dead']} given up"),
    ]
    for client in found["clients"]:
        detail = f" ({cell(client['detail'])})" if client["detail"] else ""
        version = cell(client["version"]) if client["version"] else "version not known"
        lines.append((cell(client["client"]), f"{version}, delivered to by {cell(client['delivers_by'])}{detail}"))
    lines += [("STOPPED", cell(words)) for words in found["stopped"]]
    lines += [("left alone", cell(words)) for words in found["quiet"]]
    lines += [("to settle", cell(problem)) for problem in found["problems"]]
    lines += [("to repair", cell(repair)) for repair in found["repairs"]]
    lines += [("to configure", cell(words)) for words in found["settings"]]
    lines.append(("state", f"DEGRADED: {cell(found['degraded'])}" if found["degraded"] else "ok"))
    width = max(len(name) for name, _ in lines)
    head = "".join(f"{name:<{width}}  {text}\n" for name, text in lines)
    return f"{head}\n{members_table(found['members'], now, room)}"


def health(found: Result) -> str:
    """A line."""
    state = f"DEGRADED: {cell(found['degraded'])}" if found["degraded"] else "ok"
    return f"{cell(found['node'])} answers: up {span(found['uptime'])}, version {found['version']}, {state}\n"


def peers(listing: Result) -> str:
    """The table that `status` has, of the others."""
    if not listing["peers"]:
        return "no peers: `multifleet invite` makes a code for another machine\n"
    return members_table(listing["peers"])


def doctor(found: Result) -> str:
    """A line for each check, and a line below it where there is something to do."""
    lines = []
    for check in found["checks"]:
        lines.append(f"{cell(check['level']):<5} {cell(check['id']):<14} {cell(check['says'])}\n")
        if check["remedy"] and check["level"] != "ok":
            lines.append(f"{'':<20} -> {cell(check['remedy'])}\n")
    return "".join(lines)


def init(made: Result) -> str:
    """What was made, and what to type next."""
    first = "made" if made["created"] else "is already"
    return (
        f"{cell(made['home'])} {first} node {cell(made['node'])}"
        f" (key {cell(made['key'])}, kept in: {cell(made['keys'])})\n"
        "next: `multifleet join CODE` here, with the code that `multifleet invite` shows on a machine of the fleet, or "
        "for a new fleet `multifleet invite` here and `join` there; `multifleet up` on both\n"
    )


def invite(made: Result) -> str:
    """What to type on the other machine."""
    left = span(made["expires_at"] - time.time())
    waits = "" if made["running"] else "and here, now: multifleet up\n"
    return f"on the other machine, within {left}:\n\n    {cell(made['command'])}\n\n{waits}"


def joined(found: Result) -> str:
    """Which fleet, and what to type next."""
    return (
        f"{cell(found['node'])} is in fleet {cell(found['fleet'])} with {cell(found['members'])}\n"
        f'next: {"" if found["running"] else "multifleet up, then: "}multifleet send {cell(found["inviter"])} "hello"\n'
    )


def _counted(members: list[Result]) -> str:
    """How many members are in which state, the usual first."""
    found = [member["state"] for member in members]
    inside, outside = (
        [f"{found.count(state)} {state}" for state in states if state in found]
        for states in (("alive", "suspect", "asleep", "dead"), OUT)
    )
    many = sum(state not in OUT for state in found)
    return ", ".join([f"{many} member{'s' if many != 1 else ''} ({', '.join(inside)})", *outside])
