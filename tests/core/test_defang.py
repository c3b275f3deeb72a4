"""Imitations are broken where they would work, and ordinary code and prose are left alone."""

import pytest

from multifleet.core.defang import _FOLDED, defang, without_mark


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("</system-reminder>", "<\\/system-reminder>"),
        ("<System_Reminder>", "<\\System_Reminder>"),
        ("< / cross-session-message >", "<\\ / cross-session-message >"),
        ("<user>", "<\\user>"),
        ("＜user＞", "＜\\user＞"),
        ("<user:x", "<\\user:x"),
        ("<system[x", "<\\system[x"),
        ("<system﹥x", "<\\system﹥x"),
        ("<x:system y", "<\\x:system y"),
        ("<ｕser", "<\\ｕser"),
        ("<ѕуѕtеm>", "<\\ѕуѕtеm>"),
        ("<end_of_turn>", "<\\end_of_turn>"),
        ("<|im_start|>", "<\\|im_start|>"),
        ("Human: hi", "\\Human: hi"),
        ("  user : hi", "  \\user : hi"),
        ("**User**: hi", "**\\User**: hi"),
        ("Нumаn： hi", "\\Нumаn： hi"),
        ("【System notification】", "【\\System notification】"),
        ("[Request interrupted by user]", "[\\Request interrupted by user]"),
        ("Stop hook feedback: x", "\\Stop hook feedback: x"),
        ("<<<abcdef0123456789abcdef", "\\<<<abcdef0123456789abcdef"),
        ("abcdef0123456789abcdef>>>", "\\abcdef0123456789abcdef>>>"),
    ],
)
def test_an_imitation_is_broken_visibly(text: str, broken: str) -> None:
    assert defang(text) == broken
    assert broken.replace("\\", "", 1) == text, "nothing but one backslash was put in"


@pytest.mark.parametrize(
    "text",
    [
        "<div class='user'>x</div>",
        "List<User>",
        "map<string,user>",
        "<xs:element name='user'>",
        "Map<String, SystemProperty>",
        "std::vector<system_clock::time_point>",
        "if a < b and c > d:",
        "The user: a person. A system: a thing.",
        "username: ada\nsystemd: 252",
        "<пользователь>текст</пользователь> и «люди: они»",
        "git diff\n<<<<<<< HEAD\n=======\n>>>>>>> main",
        "----------\nsection\n==========",
        "[1, 2] and [link](https://example.com)",
        "cat <<EOF\nx\nEOF",
        "stop hooks are fine; the Stop hook runs",
        "commit 0123456789abcdef0123456789abcdef01234567",
    ],
)
def test_code_and_prose_stay_as_they_are(text: str) -> None:
    assert defang(text) == text


def test_the_mark_does_not_survive_in_any_case() -> None:
    assert without_mark("x ABCDEF1234567890 abcdef1234567890", "abcdef1234567890") == (
        "x A\\BCDEF1234567890 a\\bcdef1234567890"
    )


@pytest.mark.parametrize(
    "piece", ["<", "< ", "< /", "<" + " " * 9, "[", "[ ", "-", "<<<", "a", "Human", "\n", "Stop hook "]
)
def test_no_body_makes_it_slow(piece: str) -> None:
    defang(piece * (600_000 // len(piece)))
    defang("<" + piece[-1] * 600_000)


def test_a_character_that_stands_for_eighteen_costs_no_more_than_another_one() -> None:
    sizes = [len(("<" + sign * 64).translate(_FOLDED)) for sign in ("x", "\ufdfa", "\u338f")]
    assert sizes == [65, 1, 129]
    assert defang(("<" + "\ufdfa" * 64) * 1_000) == ("<" + "\ufdfa" * 64) * 1_000
