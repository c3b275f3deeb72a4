"""Adds values to a JSON text and takes them out again, and leaves every other byte of it as it is.

What was added and is taken out again leaves the very text that was there before. Settings files belong to people: their
order, spaces and comments are theirs, and are never printed anew.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from multifleet.core.json_reading import Member, NotJson, Piece, read, skip

Path = tuple[str | int, ...]
"""Keys and places in arrays, from the outermost value inwards."""

_LEAD = re.compile(r"(?:\r?\n)?[ \t]*\Z")
_INDENT = "  "


class Added(NamedTuple):
    """The new text, and which containers had to be made for it, the outermost first."""

    text: str
    made: tuple[tuple[str, ...], ...]


def with_item(text: str, path: Sequence[str], item: Any) -> Added:
    """The text with the item at the end of the array under these keys; NotJson where something else stands there."""
    root = container = read(text)
    for depth, key in enumerate(path):
        _must_be(container, dict, path[:depth])
        member = next((member for member in container.members if member.key == key), None)
        if member is None:
            value: Any = [item]
            for inner in reversed(path[depth + 1 :]):
                value = {inner: value}
            made = tuple(tuple(path[:length]) for length in range(depth + 1, len(path) + 1))
            return Added(_appended(text, root, container, value, key), made)
        container = member.piece
    _must_be(container, list, path)
    return Added(_appended(text, root, container, item, None), ())


def without(text: str, path: Path) -> str:
    """The text without the member at this path; KeyError where there is none."""
    parent = read(text)
    for step in path[:-1]:
        parent = parent.members[_place(parent, step)].piece
    place = _place(parent, path[-1])
    members = parent.members
    start, end = members[place].start, members[place].piece.end
    if place > 0:
        comma = skip(text, members[place - 1].piece.end)
        return text[:comma] + _kept(text[comma + 1 : start]) + text[end:]
    comma = skip(text, end)
    if text[comma] != ",":
        return text[:start] + text[end:]
    following = members[1].start if len(members) > 1 else comma + 1
    return text[:start] + _kept(text[end:comma]) + _kept(text[comma + 1 : following]) + text[following:]


def value_at(document: Any, path: Path) -> Any:
    """What stands there in a document that was read; None where nothing does."""
    for step in path:
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and isinstance(step, int) and 0 <= step < len(document):
            document = document[step]
        else:
            return None
    return document


def _must_be(piece: Piece, kind: type, path: Sequence[str]) -> None:
    if not isinstance(piece.value, kind):
        named = f"`{'.'.join(path)}`" if path else "the whole"
        raise NotJson(f"{named} is no {'object' if kind is dict else 'array'}")


def _place(piece: Piece, step: str | int) -> int:
    if isinstance(step, int):
        return range(len(piece.members))[step]
    keys = [member.key for member in piece.members]
    if step not in keys:
        raise KeyError(step)
    return keys.index(step)


def _kept(gap: str) -> str:
    return gap if gap.strip() else ""  # a person's comment stays, where it stood


def _appended(text: str, root: Piece, container: Piece, value: Any, key: str | None) -> str:
    unit = _lead(text, root.members[0]).lstrip("\r\n") if root.members else _INDENT
    if container.members:
        lead, at = _lead(text, container.members[-1]), container.members[-1].piece.end
        return text[:at] + "," + lead + _printed(value, key, lead, unit) + text[at:]
    at = container.start + 1
    if container is root and not text[at : container.end - 1].strip():
        lead = "\n" + unit
        return text[:at] + lead + _printed(value, key, lead, unit) + "\n" + text[container.end - 1 :]
    return text[:at] + _printed(value, key, "", unit) + text[at:]


def _lead(text: str, member: Member) -> str:
    """How a member is set off from what stands before it."""
    found = _LEAD.search(text[: member.start])
    return found[0] if found else ""


def _printed(value: Any, key: str | None, lead: str, unit: str) -> str:
    head = "" if key is None else json.dumps(key, ensure_ascii=False) + ": "
    if "\n" not in lead:
        return head + json.dumps(value, ensure_ascii=False)
    line = ("\r\n" if "\r" in lead else "\n") + lead.lstrip("\r\n")
    return head + json.dumps(value, ensure_ascii=False, indent=unit).replace("\n", line)
