"""Wide tables on narrow terminals: what goes below its row, in which order, and that nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.cli.columns import Column, wide_table
from multifleet.cli.table import cell, width


def columns() -> list[Column]:
    return [
        Column("NODE", ["mac1", "mac2"]),
        Column("STATE", ["alive", "dead"], 1),
        Column("WHY", ["answers", "a long and sad story"], 3, "because: {}", most=10),
        Column("LOAD", ["0.31", "-"], 2, "load {}"),
        Column("VERSION", ["1.0", "1.0"], 4, "version {}", drops=True),
        Column("EMPTY", ["-", "-"], 1),
    ]


NO_NOTES: list[list[str]] = [[], []]


def test_without_a_terminal_every_row_is_one_line() -> None:
    first, one, two = wide_table(columns(), NO_NOTES).splitlines()
    assert first.split() == ["NODE", "STATE", "WHY", "LOAD", "VERSION", "EMPTY"]
    assert one.split() == ["mac1", "alive", "answers", "0.31", "1.0", "-"]
    assert "a long and sad story" in two


def test_a_long_cell_goes_below_its_own_row_and_the_others_stay() -> None:
    text = wide_table(columns(), NO_NOTES, 60)
    assert text.splitlines()[1].split() == ["mac1", "alive", "answers", "0.31", "1.0", "-"]
    assert text.splitlines()[2].split() == ["mac2", "dead", "…", "-", "1.0", "-"]
    assert text.splitlines()[3] == "    because: a long and sad story"


def test_empty_columns_go_first_and_what_all_have_alike_is_left_out() -> None:
    lines = wide_table(columns(), NO_NOTES, 32).splitlines()
    assert lines[0].split() == ["NODE", "STATE", "WHY", "LOAD"]
    assert "version" not in "".join(lines)


def test_the_less_important_columns_go_below_with_a_word_for_what_they_are() -> None:
    lines = wide_table(columns(), NO_NOTES, 20).splitlines()
    assert lines[0].split() == ["NODE", "STATE", "LOAD"]
    assert lines[2] == "    because: answers"


def test_notes_stand_below_their_row_whatever_the_room() -> None:
    for room in (None, 200, 40):
        assert "    had been apart\n" in wide_table(columns(), [["had been apart"], []], room)


@pytest.mark.parametrize("room", [10, 20, 40, 80, 120])
@given(texts=st.lists(st.text(max_size=60), min_size=6, max_size=6))
def test_no_line_is_wider_than_the_room_and_no_text_breaks_a_line(room: int, texts: list[str]) -> None:
    made = [Column("H", [cell(text)], rank, most=12) for rank, text in enumerate(texts)]
    lines = wide_table(made, [[]], room)
    assert max(map(width, lines.splitlines())) <= room
    assert "\x1b" not in lines and "\u202e" not in lines and "\r" not in lines
