"""Channels and what is wrong with peers, for people."""

from typing import Any

from multifleet.cli.table import ago, cell, table

Result = dict[str, Any]

PARKS = "parks"
"""Shown for a channel of which no round trip is known, while what it leaves for the peer is taken."""


def why(found: Result) -> str:
    """The sentence, what to do, and everything that was found out."""
    lines = [cell(found["sentence"]), f"cause:      {cell(found['cause'])} ({cell(found['confidence'])})"]
    if found["remedy"]:
        lines.append(f"what to do: {cell(found['remedy'])}")
    if found["also"]:
        lines.append(f"also:       {'; '.join(map(cell, found['also']))}")
    if found["evidence"]:
        lines.append("what was found:")
        lines += [f"  - {cell(words)}" for words in found["evidence"]]
    return "\n".join(lines) + "\n"


def tried(listing: Result) -> str:
    """A line for each channel that was tried."""
    rows = [
        (
            row["peer"],
            _named(row),
            row["result"],
            _milliseconds(row["seconds"]),
            None if row["result"] == "no way" else row["state"],
            row["where"] if row["result"] in ("answers", "parked") and not row["reason"] else row["reason"],
        )
        for row in listing["channels"]
    ]
    heads = ("PEER", "CHANNEL", "RESULT", "TOOK", "STATE", "WHERE OR WHY NOT")
    return table(heads, rows, empty="no channels: no other node has joined yet")


def channels(listing: Result) -> str:
    """A line for each channel to each peer, with the reason where there is no way."""
    rows = [
        (
            row["peer"],
            _named(row),
            "no way" if row["why_not"] else _state(row),
            row["failures"] or None,
            ago(row["last_parked"] if _state(row) == PARKS else row["last_ok"]),
            _milliseconds(row["round_trip"]),
            row["why_not"] or row["last_error"],
        )
        for row in listing["channels"]
    ]
    heads = ("PEER", "CHANNEL", "STATE", "FAILURES", "LAST OK", "ROUND TRIP", "WHY NOT, OR LAST ERROR")
    return table(heads, rows, empty="no channels: no other node has joined yet")


def _state(row: Result) -> str:
    return PARKS if row["state"] == "untried" and row["last_parked"] else str(row["state"])


def _named(row: Result) -> str:
    return f"{row['priority']} {row['channel']}".strip()


def _milliseconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.0f} s"
