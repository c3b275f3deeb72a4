"""The agent sessions of this machine and of the others, for people."""

import time
from typing import Any

from multifleet.cli.table import ago, cell, span, table

Result = dict[str, Any]

NAMED = 8
"""Machines without a session that are named; the others are counted."""


def sessions(listing: Result) -> str:
    """Those of this machine with what speaks against them, those of the others, and whom nobody could ask."""
    own = [
        (
            s["seat"],
            _client(s, s["mate_of"] is not None),
            s["version"],
            _status(s),
            _since(s["since"]),
            s["delivers_by"],
            s["pid"],
            s["session"],
            s["branch"],
            s["cwd"],
        )
        for s in listing["sessions"]
    ]
    heads = ("SEAT", "CLIENT", "VERSION", "STATUS", "FOR", "BY", "PID", "SESSION", "BRANCH", "FOLDER")
    text = table(heads, own, empty="no agent session is open on this machine")
    text += "".join(f"{cell(s['session'])}: {cell(s['doubt'])}\n" for s in listing["sessions"] if s["doubt"])
    if listing["peers"]:
        peers = [
            (
                s["address"] or f"{s['node']} (no seat)",
                _client(s, s["mate"]),
                _status(s),
                _since(s["since"]),
                s["branch"],
                ago(s["told_at"]),
            )
            for s in listing["peers"]
        ]
        text += "\n" + table(("ELSEWHERE", "CLIENT", "STATUS", "FOR", "BRANCH", "TOLD"), peers, empty="")
    if without := listing["without"]:
        more = f" and {len(without) - NAMED} more" if len(without) > NAMED else ""
        text += f"{', '.join(map(cell, without[:NAMED]))}{more}: no agent session is open there\n"
    return text + "".join(f"{cell(note)}\n" for note in listing["notes"])


def gold(listing: Result) -> str:
    """What the sessions of this machine are about."""
    rows = [(s["session"], s["seat"], s["words"]) for s in listing["sessions"]]
    return table(("SESSION", "SEAT", "ABOUT"), rows, empty="no open session here has worked on anything yet")


def _client(session: Result, is_mate: bool) -> str:
    return f"{session['client']}, a team mate" if is_mate else str(session["client"])


def _status(session: Result) -> str:
    """What it does, and that it is not to be disturbed."""
    if not session["dnd"]:
        return str(session["status"])
    until = session["dnd_until"]
    return f"{session['status']}, left alone" + (f" for {span(until - time.time())}" if until else "")


def _since(moment: float | None) -> str | None:
    return None if moment is None else span(time.time() - moment)
