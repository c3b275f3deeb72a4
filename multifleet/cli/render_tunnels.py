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
            _state(tunnel),
            ago(tunnel["since"]),
        )
        for tunnel in listing["tunnels"]
    ]
    return stopped + table(("NODE", "HERE", "LEADS TO", "BY", "STATE", "SINCE"), rows, empty="no tunnels")


def _state(tunnel: Result) -> str:
    if tunnel["open"]:
        return f"open; {tunnel['reason']}" if tunnel["reason"] else "open"
    return f"{'broken' if tunnel['login'] else 'not open yet'}: {tunnel['reason'] or 'it is opened anew'}"
