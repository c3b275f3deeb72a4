"""Keeps lists short for a model: of a large fleet all are counted, and shown first is what is not as usual; of many
messages each shows as much of its text as there is room for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNUSUAL_MOST = 40
"""Rows of what is not as usual."""
USUAL_MOST = 30
TEXTS = frozenset({"inbox", "unread"})
"""Operations that list messages with their texts."""
ROOM = 16_000
"""Characters of all texts of a list together. Claude Code shows a result of more than 50 KB by its first 2 KB alone,
and Codex cuts the middle out of more than 10,000 tokens: then one message's end stands behind another one's head."""
LEAST = 200
"""Characters that each text may have, however many there are."""


@dataclass(frozen=True, slots=True)
class List:
    """A list in a result that grows with the fleet."""

    field: str
    state: str
    """The field of a row by which the rows are counted."""
    usual: frozenset[str]
    more: str
    """How to see what was left out."""


_ONE = "fleet_peers with node shows one of them; `multifleet peers` in a shell shows all"
_MEMBERS = frozenset({"alive", "left", "revoked"})
LISTS: Mapping[str, tuple[List, ...]] = {
    "status": (List("members", "state", _MEMBERS, _ONE),),
    "peers": (List("peers", "state", _MEMBERS, _ONE),),
    "channels": (
        List(
            "channels",
            "state",
            frozenset({"healthy", "untried"}),
            "fleet_channels with peer shows those to one of them; `multifleet channels` in a shell shows all",
        ),
    ),
    "sessions": (
        List("peers", "status", frozenset({"idle", "busy", "unknown"}), "`multifleet sessions` in a shell shows all"),
    ),
    "roster": (
        List("members", "role", frozenset({"captain", "worker"}), "`multifleet roster` in a shell shows all"),
        List("out", "how", frozenset({"revoked", "left"}), "`multifleet roster` in a shell shows all"),
    ),
}


def bounded(name: str, result: dict[str, Any]) -> dict[str, Any]:
    """The result with its long lists cut; `FIELD_left_out` says how many of which state, and how to see them."""
    for each in LISTS.get(name, ()):
        rows = result.get(each.field)
        if isinstance(rows, list) and len(rows) > USUAL_MOST:
            result = result | _cut(each, rows)
    return _with_short_texts(result) if name in TEXTS else result


def _cut(each: List, rows: list[dict[str, Any]]) -> dict[str, Any]:
    unusual = [number for number, row in enumerate(rows) if not _is_usual(each, row)]
    usual = sorted(set(range(len(rows))).difference(unusual))
    kept = {*unusual[:UNUSUAL_MOST], *usual[:USUAL_MOST]}
    if len(kept) == len(rows):
        return {}
    left = Counter(row[each.state] for number, row in enumerate(rows) if number not in kept)
    return {
        each.field: [row for number, row in enumerate(rows) if number in kept],
        f"{each.field}_in_all": dict(Counter(row[each.state] for row in rows)),
        f"{each.field}_left_out": dict(left) | {"how_to_see_them": each.more},
    }


def _with_short_texts(result: dict[str, Any]) -> dict[str, Any]:
    rows = result["messages"]
    room = ROOM
    for left, row in zip(range(len(rows), 0, -1), sorted(rows, key=lambda row: len(row["body"])), strict=True):
        most = max(LEAST, room // left)  # what the short ones leave is for the long ones
        if len(row["body"]) > most:
            return result | {"messages": [_with_short_text(one, most) for one in rows]}
        room -= len(row["body"])
    return result


def _with_short_text(row: dict[str, Any], most: int) -> dict[str, Any]:
    total = len(row["body"])
    if total <= most:
        return row
    return row | {
        "body": row["body"][:most],
        "body_missing": f"the last {total - most} of {total} characters: fleet_read shows all of it",
    }


def _is_usual(each: List, row: dict[str, Any]) -> bool:
    return row[each.state] in each.usual and not row.get("problem") and not row.get("chief")
