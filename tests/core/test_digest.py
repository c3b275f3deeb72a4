"""A digest names every message it has room for, inside a fence, and tells how to read it."""

import pytest

from multifleet.core.digest import digest
from multifleet.core.fence import DEFAULT_BUDGET, units
from multifleet.core.visible import is_inert
from tests.core.hostile_bodies import HOSTILE, MARK, imitation
from tests.core.test_fence import ID, message, parts


def test_each_message_has_one_line_with_its_id_its_sender_and_what_it_is_about() -> None:
    given = [message(f"first line {n}\nsecond line {n}", id=f"{ID[:-2]}{n:02}") for n in range(12)]
    made = digest(given, delimiter=MARK, budget=DEFAULT_BUDGET)
    before, inside, after = parts(made.text)
    lines = inside.splitlines()
    assert [ID[:-2] in line and f"first line {n}" in line for n, line in enumerate(lines)] == [True] * 12
    assert "12 messages" in before and "multifleet read ID" in after
    assert made.shown == () and made.left_out == () and len(made.shortened) == 12


def test_the_subject_stands_for_the_text_where_there_is_one() -> None:
    made = digest([message("a long text", subject="tests are green")], delimiter=MARK, budget=DEFAULT_BUDGET)
    assert "tests are green" in made.text and "a long text" not in made.text


@pytest.mark.parametrize("unit", ["x", "🚀", "<", "\\", "\u202e"])
def test_what_does_not_fit_is_left_for_later_and_said(unit: str) -> None:
    made = digest([message(unit * 5_000)] * 500, delimiter=MARK, budget=DEFAULT_BUDGET)
    assert units(made.text) <= DEFAULT_BUDGET
    assert len(made.shortened) >= 10 and len(made.shortened) + len(made.left_out) == 500
    assert f"{len(made.left_out)} more wait" in made.text and f"has {len(made.shortened)} messages" in made.text


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_message_stays_on_its_line_inside(body: str) -> None:
    for hostile in (message(body), message("x", subject=body), message("x", sender=body)):
        text = digest([hostile, message("calm")], delimiter=MARK, budget=DEFAULT_BUDGET).text
        before, inside, after = parts(text)
        calm_before, _, calm_after = parts(digest([message("a"), message("b")], delimiter=MARK, budget=9_500).text)
        assert (before, after) == (calm_before, calm_after)
        assert len(inside.splitlines()) == 2 and text.lower().count(MARK) == 3
        assert is_inert(inside) and not imitation(inside)


def test_a_delimiter_that_a_sender_could_guess_is_refused() -> None:
    with pytest.raises(ValueError, match="delimiter"):
        digest([message("x")], delimiter="---", budget=DEFAULT_BUDGET)
