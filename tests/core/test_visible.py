"""What a terminal would obey, or a person would not see, is written out; everything else stays as it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.visible import is_inert, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ümläuts, 漢字, emoji 🚀", "plain text, ümläuts, 漢字, emoji 🚀"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[2J\x1b[31mred", "\\u{1b}[2J\\u{1b}[31mred"),
        ("\x9b31m", "\\u{9b}31m"),
        ("back\rover", "back\\u{d}over"),
        ("a\x00b\x07\x08", "a\\u{0}b\\u{7}\\u{8}"),
        ("abc\u202edcba", "abc\\u{202e}dcba"),
        ("\u2066x\u2069", "\\u{2066}x\\u{2069}"),
        ("zero\u200bwidth\u200d\ufeff", "zero\\u{200b}width\\u{200d}\\u{feff}"),
        ("soft\u00adhyphen", "soft\\u{ad}hyphen"),
        ("\U000e0041\U000e0042", "\\u{e0041}\\u{e0042}"),
        ("a\U000e0100", "a\\u{e0100}"),
        ("\ud800 alone", "\\u{d800} alone"),
        ("line\u2028para\u2029", "line\\u{2028}para\\u{2029}"),
        ("hangul\u3164filler", "hangul\\u{3164}filler"),
        ("private \ue000", "private \\u{e000}"),
        ("", ""),
    ],
)
def test_what_is_hidden_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_one_line_is_one_line() -> None:
    assert visible("a\nb\tc\r\n", one_line=True) == "a\\nb c\\u{d}\\n"


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_that_acts_is_left(text: str) -> None:
    shown = visible(text)
    assert not [
        c
        for c in shown
        if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} - {"Lu"} and c not in "\n\t"
    ]
    assert visible(shown) == shown and is_inert(shown)
    assert "\n" not in visible(text, one_line=True)
    shown.encode()
