"""Tunnels, for people."""

from typing import Any

from multifleet.cli.table import ago, cell, table

Result = dict[str, Any]


def tunnels(listing: Result) -> str:
    """A table, below what was stopped just now."""
    stopped = "".join(f"the tunnel to {cell(node)} is stopped\n" for node in listing["stopped"])
    if stopped and not listing["tunnels"]:
        return stopped
    rows = [
        (
            tunnel["node"],
            tunnel["address"],
            tunnel["there"],
            tunnel["login"],
            "open" if tunnel["open"] else f"broken: {tunnel['reason'] or 'it is opened anew'}",
            ago(tunnel["since"]),
        )
        for tunnel in listing["tunnels"]
    ]
    return stopped + table(("NODE", "HERE", "LEADS TO", "BY", "STATE", "SINCE"), rows, empty="no tunnels")
