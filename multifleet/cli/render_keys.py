"""How far the renewal of keys is, for people."""

from typing import Any

from multifleet.cli.table import ago, cell, day, table

Result = dict[str, Any]


def rotation(found: Result) -> str:
    """A sentence on the newest key, a table of peers, and what is still to be removed."""
    renews = f", the next one comes on {day(found['renews_at'])}" if found["renews_at"] else ", not renewed by itself"
    lines = [f"key {cell(found['key'])} was made {ago(found['made_at'])}{renews}\n"]
    if found["peers"]:
        rows = [(peer["node"], _use(peer), ago(peer["since"]) if peer["since"] else "") for peer in found["peers"]]
        lines.append(table(("PEER", "USES", "SINCE"), rows, empty=""))
    for key in found["older"]:
        have = "have shown that they have" if len(key["waits_for"]) > 1 else "has shown that it has"
        waits = f", once {', '.join(map(cell, key['waits_for']))} {have} a newer one" if key["waits_for"] else ""
        lines.append(f"key {cell(key['key'])} is destroyed after {day(key['removed_after'])}{waits}\n")
    return "".join(lines)


def _use(peer: Result) -> str:
    return "the new key" if peer["switched"] else f"the older {peer['key']}"
