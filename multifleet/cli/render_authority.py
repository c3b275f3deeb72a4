"""Who may say what to the sessions of this machine, for people."""

from typing import Any

from multifleet.cli.table import cell, table

Result = dict[str, Any]


def stopped(found: Result) -> str:
    """What is stopped."""
    lines = [f"stopped: {cell(words)}\n" for words in found["stopped"]]
    return "".join(lines) or "nothing is stopped: sessions are shown what comes\n"


def rules(listing: Result) -> str:
    """The rules of this machine."""
    words = {"*": "all"}
    rows = [(words.get(r["seat"], r["seat"]), words.get(r["sender"], r["sender"]), r["what"]) for r in listing["rules"]]
    return table(("SEAT", "FROM", "MAY SEND"), rows, empty="no rules: every member may send all to every seat")
