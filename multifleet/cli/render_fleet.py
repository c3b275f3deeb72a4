"""Results about nodes for people: status, peers, doctor, and what is typed next to make a fleet."""

import time
from typing import Any

from multifleet.cli.table import ago, cell, span, table

Result = dict[str, Any]


def status(found: Result) -> str:
    """A few lines."""
    lines = [
        ("node", f"{cell(found['node'])} in fleet {cell(found['fleet'])}"),
        (
            "daemon",
            f"pid {found['pid']}, up {span(time.time() - found['started_at'])}, version {found['version']}",
        ),
        ("listens", cell(found["addresses"])),
        ("peers", f"{found['peers_heard']} of {found['peers']} heard"),
        ("messages", f"{found['outbox']} to deliver, {found['unread']} unread, {found['dead']} given up"),
        ("sessions", str(found["sessions"])),
    ]
    for client in found["clients"]:
        detail = f" ({cell(client['detail'])})" if client["detail"] else ""
        version = cell(client["version"]) if client["version"] else "not installed"
        lines.append((cell(client["client"]), f"{version}, delivered to by {cell(client['delivers_by'])}{detail}"))
    lines.append(("state", f"DEGRADED: {cell(found['degraded'])}" if found["degraded"] else "ok"))
    width = max(len(name) for name, _ in lines)
    return "".join(f"{name:<{width}}  {text}\n" for name, text in lines)


def health(found: Result) -> str:
    """A line."""
    state = f"DEGRADED: {cell(found['degraded'])}" if found["degraded"] else "ok"
    return f"{cell(found['node'])} answers: up {span(found['uptime'])}, version {found['version']}, {state}\n"


def peers(listing: Result) -> str:
    """A table."""
    rows = [
        (
            p["node"],
            p["state"],
            ago(p["heard_at"]),
            p["waiting"],
            _offset(p["clock_offset"]),
            p["addresses"],
            p["key"],
        )
        for p in listing["peers"]
    ]
    heads = ("NODE", "STATE", "HEARD", "WAITING", "CLOCK", "ADDRESSES", "KEY")
    return table(heads, rows, empty="no peers: `multifleet invite` makes a code for another machine")


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
        "next: `multifleet invite` here, `multifleet join CODE` on another machine, `multifleet up` on both\n"
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
        f'next: multifleet up, then: multifleet send {cell(found["inviter"])} "hello"\n'
    )


def _offset(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return "ok" if abs(seconds) < 2 else f"{seconds:+.0f} s"
