"""What is wrong with a configuration, for its user: which key, what was found, what may stand there.

Asked only where a file was refused, so that it costs a start nothing. Reads nothing, and decides nothing: the types of
the configuration say what is allowed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

SHOWN = 40
"""Characters of a value that are repeated."""
SECRET = ("natsUrl", "natsPort", "natsCredentials", "cloud", "git")
"""Keys beside whose values passwords and tokens are put: no text there is repeated."""
PLAIN = 15
"""Characters of a text that are repeated where a number or an object belongs: more of it may be a key."""
_TOKEN = re.compile(r"\b(?:sk-|pk-|rk-|gh[a-z]_|github_pat_|glpat-|xox[a-z]-|AKIA|eyJ)", re.ASCII)
_LONG = re.compile(r"[\w+=-]{20,}", re.ASCII)
A_TEXT = "a text that is not repeated here"
PROBLEMS = 10
"""Of one file that are told at once."""


def problems(found: Mapping[str, Any], struct: type[msgspec.Struct]) -> list[str]:
    """One line for each value that the struct does not allow; empty where it allows all."""
    said: list[str] = []
    for words in _of_struct("", found, inspect.type_info(struct)):
        if len(said) == PROBLEMS:
            return [*said, "and more: these first"]
        said.append(words)
    return said


def may_be_secret(text: str) -> bool:
    """Whether a text has the look of a password in an address, or of a token."""
    return "@" in text or "://" in text or has_token(text)


def has_token(text: str) -> bool:
    """Whether there is something in it that might be a key to somewhere."""
    return _TOKEN.search(text) is not None or _LONG.search(text) is not None


def not_json(text: str) -> str:
    """Where a text stops being JSON, and what usually is the reason."""
    if not text.strip():
        return "it is empty: write its settings into it again, or {} for none of them"
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, character {error.colno}"
        return f"{where}: from there on it is not JSON (a comma, a quote or a bracket too many or too few)"
    except RecursionError:
        return "it is nested too deeply"
    return "it holds what JSON does not have, for example NaN"


def _of_struct(path: str, found: Any, kind: inspect.Type) -> Iterator[str]:
    assert isinstance(kind, inspect.StructType)
    if not isinstance(found, Mapping):
        yield _wrong(path, found, _allowed(kind))
        return
    fields = {field.encode_name: field for field in kind.fields}
    for name, value in found.items():
        if name in fields:
            yield from _of(_join(path, name), value, fields[name].type)
        elif kind.forbid_unknown_fields:
            yield f"{_join(path, name)} is no setting: {_instead(name, list(fields), path)}"
    for name, field in fields.items():
        if field.required and name not in found:
            yield f"{_join(path, name)} is missing: it must be {_allowed(field.type)}"


def _of(path: str, found: Any, kind: inspect.Type) -> Iterator[str]:
    """What is wrong with one value."""
    match kind:
        case inspect.Metadata():
            yield from _of(path, found, kind.type)
        case inspect.UnionType(types=kinds):
            others = [one for one in kinds if not isinstance(one, inspect.NoneType)]
            if found is None and len(others) < len(kinds):
                return
            if isinstance(found, Mapping) and isinstance(others[0], inspect.StructType):
                yield from _of(path, found, others[0])
            elif any(True for _ in _of(path, found, others[0])):
                yield _wrong(path, found, _allowed(kind))
        case inspect.StructType():
            yield from _of_struct(path, found, kind)
        case inspect.VarTupleType(item_type=item) if isinstance(found, list):
            for number, value in enumerate(found, 1):
                yield from _of(f"{path}, entry {number},", value, item)
        case inspect.DictType(key_type=key, value_type=value_type) if isinstance(found, Mapping):
            for name, value in found.items():
                if any(True for _ in _of(path, name, key)):
                    yield f"{path} has the name {_shown(name)}: it must be {_allowed(key)}"
                else:
                    yield from _of(_join(path, name), value, value_type)
        case _:
            if not _fits(found, kind):
                yield _wrong(path, found, _allowed(kind))


def _fits(found: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StrType(pattern=pattern):
            return isinstance(found, str) and (pattern is None or re.search(pattern, found) is not None)
        case inspect.BoolType():
            return isinstance(found, bool)
        case inspect.IntType(ge=low, le=high):
            return isinstance(found, int) and not isinstance(found, bool) and _within(found, low, high)
        case inspect.FloatType(ge=low, le=high):
            return isinstance(found, int | float) and not isinstance(found, bool) and _within(found, low, high)
        case inspect.LiteralType(values=values):
            return isinstance(found, str) and found in values
    return False


def _within(number: float, low: float | None, high: float | None) -> bool:
    return (low is None or number >= low) and (high is None or number <= high)


def _allowed(kind: inspect.Type) -> str:
    """What may stand there: "true or false"."""
    match kind:
        case inspect.Metadata():
            return _allowed(kind.type)
        case inspect.UnionType(types=kinds):
            return " or ".join("null" if isinstance(one, inspect.NoneType) else _allowed(one) for one in kinds)
        case inspect.StrType(pattern=pattern):
            return "a text in quotes" if pattern is None else "a name of lower-case letters, digits and '-'"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high):
            return f"a whole number, {low} to {high}, without quotes or a point"
        case inspect.FloatType(ge=low, le=high):
            return f"a number, {low:g} to {high:g}, without quotes"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(sorted(map(str, values)))}"
        case inspect.VarTupleType(item_type=item):
            return f"a list [...] of {_many(item)}"
        case inspect.DictType(value_type=value):
            return f"an object {{...}} of {_many(value)}"
    return "an object {...}"


def _many(kind: inspect.Type) -> str:
    match kind:
        case inspect.StrType():
            return "texts in quotes"
        case inspect.LiteralType(values=values):
            return ", ".join(sorted(map(str, values)))
        case inspect.VarTupleType():
            return "lists"
        case inspect.FloatType() | inspect.IntType():
            return "numbers"
    return "objects"


def _wrong(path: str, found: Any, allowed: str) -> str:
    shown = _shown(found)
    if path == "natsUrl":
        shown = "something else"
    elif isinstance(found, str):
        hides = path.partition(".")[0] in SECRET
        misplaced = allowed.startswith(("an object", "a number", "a whole number")) and len(found) > PLAIN
        shown = A_TEXT if hides or misplaced else shown
    return f"{path} is {shown}: it must be {allowed}"


def _instead(name: str, known: list[str], path: str) -> str:
    near = get_close_matches(name, known, 1)
    if near:
        return f"did you mean {_join(path, near[0])}?"
    if len(known) <= 5:
        return f"there {'are' if len(known) > 1 else 'is'} {', '.join(_join(path, one) for one in known)}"
    return "docs/configuration.md lists what there is"


def _join(path: str, name: str) -> str:
    is_plain = re.fullmatch(r"[a-z0-9-]{1,64}|[\w$-]{1,19}", name, re.ASCII) and not _TOKEN.search(name)
    shown = name if is_plain else _shown(name)
    return f"{path}.{shown}" if path else shown


def _shown(found: Any) -> str:
    if isinstance(found, Mapping):
        return "an object"
    if isinstance(found, list):
        return "a list"
    if isinstance(found, str) and may_be_secret(found):
        return A_TEXT
    text = json.dumps(found)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
