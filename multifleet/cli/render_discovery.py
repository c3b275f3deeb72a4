"""What is heard on the network, for people."""

from typing import Any

from multifleet.cli.table import ago, cell, table

Result = dict[str, Any]


def discovered(found: Result) -> str:
    """A table, and a line where multicast is not at work."""
    rows = [
        (
            heard["node"],
            heard["way"],
            heard["state"] if heard["member"] else "not joined",
            ago(heard["seen_at"]),
            heard["addresses"],
        )
        for heard in found["heard"]
    ]
    below = "" if found["mdns"] == "on" else f"multicast DNS: {cell(found['mdns'])}\n"
    return table(("NODE", "BY", "STATE", "SEEN", "ADDRESSES"), rows, empty="nothing was heard on the network") + below
