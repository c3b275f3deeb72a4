"""Reads a JSON text and says where in it each value stands, so that core/json_edit.py can change one and no other byte.

Takes comments and commas before a closing bracket as some clients do in their settings; who wants plain JSON checks
that before. Never repairs: what cannot be read is refused with its line.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from multifleet.core.strict import DEPTH_LIMIT

_SPACE = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_WORD = re.compile(r"[-+.\w]+")


class NotJson(ValueError):
    """The text cannot be read, or does not have the shape that is needed; says where and why."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A value, and where it stands: text[start:end]."""

    start: int
    end: int
    value: Any
    members: "tuple[Member, ...]" = ()
    """Of an object or an array, in order."""


@dataclass(frozen=True, slots=True)
class Member:
    """What stands in an object (with its key) or an array (without)."""

    start: int
    """Of the key, where there is one."""
    key: str | None
    piece: Piece


def read(text: str) -> Piece:
    """The whole text as one value; NotJson says what is wrong."""
    start = skip(text, 1 if text.startswith("\ufeff") else 0)
    piece = _value(text, start, 0)
    end = skip(text, piece.end)
    if end != len(text):
        raise _wrong(text, end, "something follows the value")
    return piece


def skip(text: str, at: int) -> int:
    """The next place that is neither space nor comment."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int, depth: int) -> Piece:
    if depth > DEPTH_LIMIT:
        raise _wrong(text, at, "it is nested too deep")
    sign = text[at : at + 1]
    if sign == "{":
        return _object(text, at, depth)
    if sign == "[":
        return _array(text, at, depth)
    found = (_STRING if sign == '"' else _WORD).match(text, at)
    if found is None:
        raise _wrong(text, at, "a value is missing")
    return Piece(at, found.end(), _plain(text, at, found[0]))


def _object(text: str, at: int, depth: int) -> Piece:
    members: list[Member] = []
    here = skip(text, at + 1)
    while text[here : here + 1] != "}":
        key = _STRING.match(text, here)
        if key is None:
            raise _wrong(text, here, "a key or a bracket is missing")
        colon = skip(text, key.end())
        if text[colon : colon + 1] != ":":
            raise _wrong(text, colon, "a colon is missing")
        piece = _value(text, skip(text, colon + 1), depth + 1)
        members.append(Member(here, str(_plain(text, here, key[0])), piece))
        here = _past_comma(text, piece.end, "}")
    keys = [member.key for member in members]
    if len(set(keys)) != len(keys):
        raise _wrong(text, at, "a key stands twice in one object")
    return Piece(at, here + 1, {str(member.key): member.piece.value for member in members}, tuple(members))


def _array(text: str, at: int, depth: int) -> Piece:
    members: list[Member] = []
    here = skip(text, at + 1)
    while text[here : here + 1] != "]":
        piece = _value(text, here, depth + 1)
        members.append(Member(here, None, piece))
        here = _past_comma(text, piece.end, "]")
    return Piece(at, here + 1, [member.piece.value for member in members], tuple(members))


def _past_comma(text: str, at: int, closing: str) -> int:
    here = skip(text, at)
    sign = text[here : here + 1]
    if sign == ",":
        return skip(text, here + 1)
    if sign != closing:
        raise _wrong(text, here, "a comma or a bracket is missing")
    return here


def _plain(text: str, at: int, token: str) -> Any:
    try:
        return json.loads(token)
    except ValueError:
        raise _wrong(text, at, "this is no value") from None


def _wrong(text: str, at: int, what: str) -> NotJson:
    return NotJson(f"line {text.count(chr(10), 0, at) + 1}: {what}")
