"""What the printers read of a request: its fields, flat, with help text and kind."""

import enum
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from msgspec import inspect

from multifleet.operations.operation import Operation

KINDS = {
    inspect.StrType: "text",
    inspect.BytesType: "text",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.BoolType: "switch",
    inspect.ListType: "texts",
    inspect.StructType: "nested",
    inspect.LiteralType: "text",
}


@dataclass(frozen=True)
class FieldInfo:
    """One field of a request."""

    name: str
    kind: str
    """text, integer, number, switch, texts or nested."""
    help: str
    required: bool
    default: Any
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    shortest: int = 0
    """Characters of a text, at the least."""


def request_fields(operation: Operation) -> tuple[FieldInfo, ...]:
    """The fields that a person fills in, in their order."""
    found = described(operation.request)
    left_out = operation.http_only + operation.quiet
    return tuple(
        replace(field, required=field.required or field.name in operation.needed)
        for field in found
        if field.name not in left_out
    )


def described(struct: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    """Every field of a struct."""
    shape = inspect.type_info(struct)
    assert isinstance(shape, inspect.StructType)
    return tuple(_describe(field) for field in shape.fields)


def _describe(field: inspect.Field) -> FieldInfo:
    kind, help_text = _unwrap(field.type)
    default = None if field.default is msgspec.NODEFAULT else field.default
    return FieldInfo(
        name=field.encode_name,
        kind=KINDS.get(type(kind), "nested"),
        help=help_text,
        required=field.required,
        default=default.value if isinstance(default, enum.Enum) else default,
        choices=tuple(map(str, kind.values)) if isinstance(kind, inspect.LiteralType) else (),
        least=kind.ge if isinstance(kind, inspect.IntType | inspect.FloatType) else None,
        most=kind.le if isinstance(kind, inspect.IntType | inspect.FloatType) else None,
        shortest=(kind.min_length or 0) if isinstance(kind, inspect.StrType) else 0,
    )


def _unwrap(kind: inspect.Type) -> tuple[inspect.Type, str]:
    """The type without None around it, and the outermost description."""
    help_text = ""
    while True:
        if isinstance(kind, inspect.Metadata):
            help_text = help_text or (kind.extra_json_schema or {}).get("description", "")
            kind = kind.type
        elif isinstance(kind, inspect.UnionType):
            kind = next(member for member in kind.types if not isinstance(member, inspect.NoneType))
        else:
            return kind, help_text
