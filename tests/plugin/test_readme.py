"""The table of operations in a text."""

import pytest

from multifleet.operations import OPERATIONS
from multifleet.plugin.readme import BEGIN, END, operations_table, with_table


def test_only_what_stands_between_the_markers_changes() -> None:
    once = with_table(f"before\n{BEGIN}\nold\n{END}\nafter\n", "new")
    assert once == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert with_table(once, "new") == once


def test_a_text_without_markers_is_an_error() -> None:
    with pytest.raises(ValueError, match="operations"):
        with_table("before\nafter\n", "new")


def test_every_operation_has_a_row() -> None:
    rows = operations_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [operation.name for operation in OPERATIONS]
