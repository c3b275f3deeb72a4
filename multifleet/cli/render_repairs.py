"""The repair ladder, for people."""

from typing import Any

from multifleet.cli.table import ago, cell, table


def repairs(result: dict[str, Any]) -> str:
    """One row for each channel that needs repair, and what to type."""
    rows = [
        (c["peer"], c["channel"], c["state"], c["level"], ago(c["began_at"]), c["next"], c["outcome"] or c["evidence"])
        for c in result["cases"]
    ]
    heads = ("PEER", "CHANNEL", "STATE", "RUNG", "SINCE", "NEXT", "WHAT IS KNOWN")
    empty = "nothing needs repair any more" if result["done"] else "nothing needs repair"
    shown = table(heads, rows, empty=empty) if rows or not result["refused"] else ""
    done = "".join(f"{cell(line)}\n" for line in (result["done"] or "").split("\n") if line)
    refused = f"{cell(result['refused'])}\n" if result["refused"] else ""
    commands = "".join(f"  {cell(words)}\n" for words in result["commands"])
    return done + refused + shown + (f"what you can type:\n{commands}" if commands else "")
