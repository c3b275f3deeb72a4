"""What says no more than that something was received."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.acknowledgement import LONGEST, only_acknowledges


@pytest.mark.parametrize(
    "text",
    ["ok", "OK!", "Thanks.", "Got it, thanks!", "\U0001f44d", "acknowledged", "Understood.", "Roger that", "ok \u2705"],
)
def test_an_acknowledgement_is_told(text: str) -> None:
    assert only_acknowledges(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yes",
        "done",
        "no",
        "ok, the tests are green",
        "thanks, which branch?",
        "thanks?",
        "got 3 failures",
        "ok\n\nrm -rf",
        "https://ok",
        "not ok",
    ],
)
def test_an_answer_is_not_taken_for_one(text: str) -> None:
    assert not only_acknowledges(text)


@given(st.text(min_size=LONGEST + 1).filter(lambda text: len(text.strip()) > LONGEST))
def test_a_long_text_always_says_something(text: str) -> None:
    assert not only_acknowledges(text)
