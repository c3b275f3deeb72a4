"""Puts our hooks into the text of a client's settings and takes them out of it. Touches no file."""

from collections.abc import Sequence
from typing import Any

from multifleet.core.json_edit import Path, value_at, with_item, without
from multifleet.core.json_reading import read
from multifleet.sessions.hook_clients import HookFile

HOOKS = "hooks"

Made = tuple[tuple[str, ...], ...]


def with_hooks(text: str, file: HookFile) -> tuple[str, Made]:
    """The text with our groups of hooks after all others, and the containers that were made for them."""
    made: Made = ()
    for event, groups in file.groups.items():
        for group in groups:
            text, new = with_item(text, (HOOKS, event), group)
            made += new
    return text, made


def without_hooks(text: str, file: HookFile, made: Made | None) -> str:
    """The text without any hook of ours, whoever moved them; then without the containers that were made for them and
    that nobody else uses. `made` None: which were made is not known, and all that we leave empty go."""
    touched: set[tuple[str, ...]] = set()
    while place := _first(read(text).value, file):
        text = without(text, place)
        touched.add((HOOKS, str(place[1])))
        group = place[:3]
        if value_at(read(text).value, (*group, HOOKS)) == []:
            text = without(text, group)
    for container in sorted(touched | {(HOOKS,)} if touched else (), key=len, reverse=True):
        if (made is None or container in made) and value_at(read(text).value, container) in ([], {}):
            text = without(text, container)
    return text


def ours_in(document: Any, file: HookFile) -> dict[str, list[Any]]:
    """The groups with hooks of ours, by event."""
    found: dict[str, list[Any]] = {}
    for event, groups in _members(value_at(document, (HOOKS,))):
        for group in groups if isinstance(groups, list) else []:
            if any(file.is_ours(hook) for hook in _hooks(group)):
                found.setdefault(event, []).append(group)
    return found


def _first(document: Any, file: HookFile) -> Path:
    for event, groups in _members(value_at(document, (HOOKS,))):
        for at, group in enumerate(groups if isinstance(groups, list) else []):
            for place, hook in enumerate(_hooks(group)):
                if file.is_ours(hook):
                    return (HOOKS, event, at, HOOKS, place)
    return ()


def _members(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _hooks(group: Any) -> Sequence[Any]:
    found = group.get(HOOKS) if isinstance(group, dict) else None
    return found if isinstance(found, list) else []
