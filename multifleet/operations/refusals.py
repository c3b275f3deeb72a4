"""Says why a request does not have its form, in the words of whoever made it."""

import re

import msgspec

from multifleet.operations.fields import FieldInfo, described

_CHOICE = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_NUMBER = re.compile(r"Expected `(?:int|float)` [<>]=? .*")


def refusal(error: msgspec.ValidationError, shape: type[msgspec.Struct]) -> str:
    """What is wrong with which field, and what may stand there instead."""
    what, name = _parts(str(error))
    field = next((one for one in described(shape) if one.name == name), None)
    if field is None:
        return f"{name}: {_plain(what)}" if name else _plain(what)
    choice = _CHOICE.fullmatch(what)
    if choice and field.choices:
        return f"{name} is one of {', '.join(field.choices)}, not {choice[1]}"
    if _NUMBER.fullmatch(what) and (field.least is not None or field.most is not None):
        return f"{name} is {_bounds(field)}"
    if field.shortest and what.startswith(("Expected `str` of", "Expected `str` matching")):
        return f"{name} is a message id or the start of it, at least {field.shortest} characters: see outbox and inbox"
    return f"{name}: {_plain(what)}"


def _parts(message: str) -> tuple[str, str]:
    """msgspec's "Expected `int`, got `str` - at `$.limit`" as its two halves."""
    what, _, where = message.rpartition(" - at `$")
    return (what, where.rstrip("`").lstrip(".")) if what else (message, "")


def _plain(what: str) -> str:
    return (what[:1].lower() + what[1:]).replace("`", "")


def _bounds(field: FieldInfo) -> str:
    if field.most is None:
        return f"at least {field.least:.12g}"
    return f"at most {field.most:.12g}" if field.least is None else f"{field.least:.12g} to {field.most:.12g}"
