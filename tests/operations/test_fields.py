"""What the printers read of a request."""

from typing import Annotated, Any, Literal

from multifleet.operations import Effect, Operation, Request, View
from multifleet.operations.fields import FieldInfo, described, request_fields
from multifleet.operations.operation import about


class Example(Request, frozen=True):
    """One field of each kind."""

    to: Annotated[str, about("A text.")]
    kind: Annotated[Literal["b", "a"], about("A choice.")] = "b"
    count: Annotated[int | None, about("A number.")] = None
    share: Annotated[float, about("A share.")] = 0.5
    on: Annotated[bool, about("A switch.")] = False
    places: Annotated[list[str], about("Several texts.")] = []  # noqa: RUF012  msgspec copies it
    body: Annotated[str | None, about("A body.")] = None
    secret: Annotated[str | None, about("Filled in by a surface.")] = None


async def act(node: Any, request: Any) -> View:
    """Act."""
    return View()


def test_every_kind_of_field_is_recognized() -> None:
    assert {field.name: field.kind for field in described(Example)} == {
        "to": "text",
        "kind": "text",
        "count": "integer",
        "share": "number",
        "on": "switch",
        "places": "texts",
        "body": "text",
        "secret": "text",
    }


def test_help_choices_and_defaults_are_read() -> None:
    by_name = {field.name: field for field in described(Example)}
    assert by_name["to"] == FieldInfo("to", "text", "A text.", True, None)
    assert (by_name["kind"].choices, by_name["kind"].default) == (("a", "b"), "b")
    assert by_name["count"].help == "A number."


def test_a_person_is_not_asked_for_what_surfaces_fill_in() -> None:
    operation = Operation(
        "act", "POST /act", Effect.WRITES, Example, View, act, quiet=("secret",), http_only=("count",), needed=("body",)
    )
    fields = {field.name: field.required for field in request_fields(operation)}
    assert not {"secret", "count"} & fields.keys()
    assert [name for name, required in fields.items() if required] == ["to", "body"]
