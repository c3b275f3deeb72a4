"""Who may say what to the sessions of this machine, for people."""

from typing import Any

from multifleet.cli.table import table

Result = dict[str, Any]


def rules(listing: Result) -> str:
    """The rules of this machine."""
    words = {"*": "all"}
    rows = [(words.get(r["seat"], r["seat"]), words.get(r["sender"], r["sender"]), r["what"]) for r in listing["rules"]]
    return table(("SEAT", "FROM", "MAY SEND"), rows, empty="no rules: every member may send all to every seat")
