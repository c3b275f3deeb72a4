"""Results for people: a function for each command; a command without one is shown field by field."""

import time
from collections.abc import Callable
from typing import Any

from multifleet.cli.render_authority import rules, stopped
from multifleet.cli.render_diagnosis import channels, tried, why
from multifleet.cli.render_discovery import discovered
from multifleet.cli.render_fleet import doctor, health, init, invite, joined, peers, status
from multifleet.cli.render_keys import rotation
from multifleet.cli.render_message import message, verified
from multifleet.cli.render_repairs import repairs
from multifleet.cli.render_roster import left, revoked, roster, settled
from multifleet.cli.render_sessions import gold, sessions
from multifleet.cli.render_tunnels import tunnels
from multifleet.cli.render_waking import cloud, woken
from multifleet.cli.table import ago, cell, clock, day, short, span, table

Result = dict[str, Any]

PREVIEW = 200
"""Characters of a message's text in a list; `read` shows all of it."""


REASONS = 5
"""Why messages were refused: so many of the reasons below a list, each once."""


def render(name: str, result: Result) -> str:
    """The text to print, with its final newline."""
    return RENDERERS.get(name, _fields)(result)


def trace_title(trace: Result) -> str:
    """The line above a trace."""
    return f"{trace['id']}  {cell(trace['type'])}  {cell(trace['from'])} -> {cell(trace['to'])}\n"


def trace_events(trace: Result) -> list[str]:
    """A line for each event."""
    lines = []
    for event in trace["events"]:
        proof = {True: "signature good", False: "SIGNATURE BAD", None: ""}[event["verified"]]
        notes = [
            cell(event["channel"]) if event["channel"] else "",
            cell(event["detail"]) if event["detail"] else "",
            proof,
        ]
        said = f"  {clock(event['at'])}  {cell(event['state']):<13} by {cell(event['by'])}"
        lines.append("  ".join([said, *filter(None, notes)]) + "\n")
    return lines


def _trace(trace: Result) -> str:
    told = trace["events"][-1]["detail"] if trace["events"] else None
    reason = f": {cell(trace['reason'])}" if trace.get("reason") and trace["reason"] != told else ""
    return trace_title(trace) + "".join(trace_events(trace)) + f"{cell(trace['state'])}{reason}\n"


def _inbox(listing: Result) -> str:
    rows = [
        (
            ("* " if message["unread"] else "  ") + message["id"],
            ago(message["at"]),
            message["from"] + (f" (key {message['sender_key']})" if message["sender_key"] else ""),
            message["to"],
            message["type"],
            message["state"],
            short(message["subject"] or message["body"], PREVIEW),
        )
        for message in listing["messages"]
    ]
    heads = ("  ID", "STORED", "FROM", "TO", "TYPE", "STATE", "TEXT")
    legend = "* nobody has read it yet: multifleet read ID\n" if any(m["unread"] for m in listing["messages"]) else ""
    if any(m["sender_key"] for m in listing["messages"]):
        legend += "(key ...): of a machine that has that name no more; multifleet roster shows the keys of now\n"
    refused = dict.fromkeys(m["reason"] for m in listing["messages"] if m["state"] == "refused" and m["reason"])
    why = "".join(f"refused: {cell(reason)}\n" for reason in list(refused)[:REASONS])
    return table(heads, rows, empty="no messages", ids=True, preview=True) + legend + why


def _outbox(listing: Result) -> str:
    rows = [(m["id"], ago(m["at"]), m["to"], m["type"], m["state"], _lies(m)) for m in listing["messages"]]
    return table(("ID", "ACCEPTED", "TO", "TYPE", "STATE", "REASON"), rows, empty="no messages", ids=True)


def _lies(sent: Result) -> str | None:
    """Where a message is or why, and for how long nobody has fetched it there."""
    reason: str | None = sent["reason"]
    return f"{reason} (not fetched for {span(time.time() - sent['sent_at'])})" if sent["sent_at"] and reason else reason


def _receipts(listing: Result) -> str:
    rows = [(r["id"], day(r["at"]), r["state"], r["by"], r["channel"], r["detail"]) for r in listing["receipts"]]
    return table(("ID", "WHEN", "STATE", "BY", "CHANNEL", "DETAIL"), rows, empty="no receipts", ids=True)


def _accepted(accepted: Result) -> str:
    reason = f" ({cell(accepted['reason'])})" if accepted.get("reason") else ""
    return f"{accepted['id']} {accepted['state']}{reason}\n"


def _ack(ack: Result) -> str:
    if ack["acked"]:
        return f"{ack['id']} {ack['state']}; {cell(ack['by'])} signed at {clock(ack['at'])} that it has it on disk\n"
    return f"{ack['id']} {ack['state']}, not acknowledged yet\n"


def _seats(listing: Result) -> str:
    rows = [
        (
            s["address"] + (" (default)" if s["default"] else "") + _quiet(s),
            s["client"],
            s["waiting"],
            s["session"],
            s["folder"],
        )
        for s in listing["seats"]
    ]
    empty = "no seats: bind one with `multifleet seat bind NAME FOLDER`, or open an agent session in a project"
    return table(("SEAT", "CLIENT", "WAITING", "SESSION", "FOLDER"), rows, empty=empty)


def _seat(seat: Result) -> str:
    default = ", the default" if seat["default"] else ""
    return f"{cell(seat['address'])} is bound to {cell(seat['folder'])}{default}\n"


def _seat_dnd(seat: Result) -> str:
    left_alone = "is left alone" if seat["dnd"] else "is told what comes"
    return f"{cell(seat['address'])} {left_alone}{_quiet(seat)}; {seat['waiting']} waiting\n"


def _quiet(seat: Result) -> str:
    """That a seat is not to be disturbed, behind its name."""
    if not seat["dnd"]:
        return ""
    return f" (until {day(seat['dnd_until'])}; alerts pass)" if seat["dnd_until"] else " (alerts pass)"


def _stats(stats: Result) -> str:
    rows = sorted(stats["counters"].items())
    heads = ("HAPPENED", "TIMES SINCE " + day(stats["started_at"]))
    return table(heads, [(name.replace("_", " "), times) for name, times in rows], empty="nothing has happened yet")


def _fields(result: Result) -> str:
    return "".join(f"{name}: {cell(value)}\n" for name, value in result.items())


RENDERERS: dict[str, Callable[[Result], str]] = {
    "ack": _ack,
    "channels": channels,
    "check": tried,
    "cloud": cloud,
    "dead": _outbox,
    "discover": discovered,
    "doctor": doctor,
    "health": health,
    "inbox": _inbox,
    "init": init,
    "invite": invite,
    "join": joined,
    "leave": left,
    "outbox": _outbox,
    "peers": peers,
    "read": message,
    "receipts": _receipts,
    "repair": repairs,
    "reply": _accepted,
    "retry": _accepted,
    "revoke": revoked,
    "roster": roster,
    "rotate-keys": rotation,
    "seat allow": rules,
    "seat bind": _seat,
    "seat dnd": _seat_dnd,
    "seat remove": _seats,
    "seat rules": rules,
    "seats": _seats,
    "send": _accepted,
    "sessions": sessions,
    "sessions gold": gold,
    "settle": settled,
    "stats": _stats,
    "status": status,
    "stop": stopped,
    "trace": _trace,
    "tunnel": tunnels,
    "unread": _inbox,
    "verify": verified,
    "wake": woken,
    "why": why,
}
