"""Column lists made from the row classes, so that a row and its table never differ in order."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from msgspec.structs import fields


def names(row: type, *, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The columns of a row class, in the order of its fields."""
    return tuple(field.name for field in fields(row) if field.name not in without)


def listed(row: type, *, without: tuple[str, ...] = (), table: str = "") -> str:
    """The same as an SQL list, each quoted because some are words of SQL."""
    prefix = f"{table}." if table else ""
    return ", ".join(f'{prefix}"{name}"' for name in names(row, without=without))


def values_of(row: type, *, without: tuple[str, ...] = ()) -> Callable[[Any], tuple[Any, ...]]:
    """A function from a row to its values in column order."""
    return attrgetter(*names(row, without=without))
