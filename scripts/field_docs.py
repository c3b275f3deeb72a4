"""Reads what a class of the product says of its own fields: names, limits, defaults, and the string below each."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect as shapes

from multifleet.core.ids import ADDRESS_PATTERN, ID_PATTERN, NODE_PATTERN


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """One field, as a table shows it."""

    name: str
    shape: str
    required: bool
    default: str
    about: str


def fields_of(struct: type[msgspec.Struct]) -> Iterator[FieldDoc]:
    """The fields of a struct by the names that travel, in their order."""
    about = {name: _in_table(words) for name, words in strings_below(struct).items()}
    known = shapes.type_info(struct)
    assert isinstance(known, shapes.StructType)
    for field in known.fields:
        factory = field.default_factory
        default = factory() if callable(factory) else field.default
        shown = "" if field.required else _shown(default)
        yield FieldDoc(field.encode_name, shape_of(field.type), field.required, shown, about.get(field.name, ""))


def shape_of(kind: shapes.Type) -> str:
    """A type and its limits in words."""
    match kind:
        case shapes.StrType(pattern=pattern, min_length=least, max_length=most):
            if pattern:
                return _words_for(pattern.removeprefix("^").removesuffix("\\Z").removesuffix("$"))
            if least is not None and most is not None:
                return f"text, {least} to {most} characters"
            return f"text, at most {most} characters" if most is not None else "text"
        case shapes.IntType(ge=low, le=high):
            return f"integer {low} to {_power(high)}" if high is not None else "integer"
        case shapes.FloatType(ge=low, le=high):
            return f"number {_power(low)} to {_power(high)}" if high is not None else "number"
        case shapes.BoolType():
            return "true or false"
        case shapes.NoneType():
            return "null"
        case shapes.LiteralType(values=values):
            return "one of " + ", ".join(f"`{value}`" for value in values)
        case shapes.UnionType(types=kinds):
            return " or ".join(shape_of(one) for one in kinds)
        case shapes.ListType(item_type=item, max_length=most) | shapes.VarTupleType(item_type=item, max_length=most):
            bound = f"at most {most}: " if most is not None else ""
            return f"list of {bound}{shape_of(item)}"
        case shapes.DictType(value_type=value):
            return f"object of {shape_of(value)}"
        case shapes.StructType(cls=cls):
            return cls.__name__
        case shapes.RawType():
            return "packet"
    raise TypeError(f"no words for {kind!r}")


def strings_below(struct: type) -> dict[str, str]:
    """What stands below each field, in one line, by the field's name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(struct))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                found[field.target.id] = " ".join(str(below.value.value).split())
    return found


def _in_table(words: str) -> str:
    return words.replace("<", "&lt;").replace("|", "\\|")


def _shown(default: Any) -> str:
    if default in (None, "", [], {}, ()):
        return "none" if default is None else "empty"
    if isinstance(default, msgspec.Raw):
        return f"`{bytes(default).decode()}`"
    if isinstance(default, msgspec.Struct) and default == type(default)():
        return "empty"
    if isinstance(default, tuple):
        return ", ".join(f"`{one}`" for one in default)
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _power(number: float | None) -> str:
    if number is None:
        return "any"
    text = f"{number:g}" if isinstance(number, float) else str(number)
    if len(text) > 6 and text.strip("0") == "1":
        return f"10^{len(text) - 1}"
    return text


def _words_for(pattern: str) -> str:
    if pattern in _KNOWN:
        return _KNOWN[pattern]
    if digits := re.fullmatch(r"\[0-9a-f\]\{(\d+)\}", pattern):
        return f"{digits[1]} hex digits, lower case"
    shown = pattern.replace("|", "\\|")
    return f"text `{shown}`"


_KNOWN = {
    ID_PATTERN: "UUID, lower case",
    NODE_PATTERN: "node id",
    ADDRESS_PATTERN: "address, at most 127 characters",
}
