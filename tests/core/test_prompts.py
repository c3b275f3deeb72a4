"""Nothing is typed but into an empty prompt at rest whose user is asked; what stands in a prompt is read back whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.panes import squeezed
from multifleet.core.prompts import ASKS_NOBODY, BUSY, DRAFT, LOOKS, NO_PROMPT, awaits_enter, holds, why_not_typed

LINE = "multifleet: mail from another machine waits"
RULE = "\x1b[2m" + "─" * 60 + "\x1b[0m"
ASKS = " \x1b[38;2;175;175;175mShift+Tab to accept edits\x1b[39m"
FAINT = "\x1b[38;5;111m > \x1b[7m\x1b[39m \x1b[0m\x1b[38;5;145m Type your message or @path/to/file\x1b[39m"
FOOTER = " workspace (/directory)      sandbox      /model"


def gemini(
    prompt: str = FAINT, mode: str = ASKS, status: str = "? for shortcuts", pads: tuple[str, str] = ("", "")
) -> str:
    return "\n".join(["✦ I thought", "", status, RULE, mode, pads[0], prompt, pads[1], FOOTER, ""])


def codex(prompt: str = "\x1b[1m\u203a\x1b[0m \x1b[2mAsk Codex to do anything", status: str = "") -> str:
    return "\n".join(["• I thought", "", status, "", "", "", prompt + "\x1b[0m", "", "  mock-model default", ""])


def at(column: int, row: int = 6, mode: str = "") -> str:
    return f"%0|4711|0|{mode}|0|{column}|{row}"


@pytest.mark.parametrize(
    "client, state, screen, why_not",
    [
        ("gemini", at(3), gemini(), ""),
        ("gemini", at(3), gemini(pads=("▄" * 60, "▀" * 60)), ""),
        ("gemini", at(3), gemini(mode=" auto-accept edits Shift+Tab to plan"), ""),
        ("gemini", at(3), gemini(mode=" plan Shift+Tab to manual"), ASKS_NOBODY),
        ("gemini", at(3), gemini(mode=" YOLO Ctrl+Y"), ASKS_NOBODY),
        ("gemini", at(3), gemini(FAINT.replace(">", "*"), " YOLO Ctrl+Y"), NO_PROMPT),
        ("gemini", at(3), gemini(" !   Type your shell command", "  shell mode enabled (esc to disable)"), NO_PROMPT),
        ("gemini", at(3), gemini(status=" ⠦ Thinking... (esc to cancel, 5s)"), BUSY),
        ("gemini", at(10), gemini(" > a draft"), DRAFT),
        ("gemini", at(3), gemini(" > a draft"), DRAFT),
        ("gemini", at(4), gemini(), DRAFT),
        ("gemini", at(3), gemini(" >   Type your message or @path/to/file"), DRAFT),
        ("gemini", at(3), gemini(pads=("", "   and its second line")), NO_PROMPT),
        ("gemini", at(3), gemini(pads=("something else", "")), NO_PROMPT),
        ("gemini", at(3, mode="1"), gemini(), NO_PROMPT),
        ("gemini", at(3, 99), gemini(), NO_PROMPT),
        ("gemini", at(3, 2), gemini(), NO_PROMPT),
        ("codex", at(2), codex(), ""),
        ("codex", at(2), codex(status="◦ Working (0s • esc to interrupt)"), BUSY),
        ("codex", at(2), codex("\u203a Ask Codex to do anything"), DRAFT),
        ("codex", at(9), codex("\u203a a draft"), DRAFT),
        ("codex", at(2), codex("  2. Trust all and continue"), NO_PROMPT),
        ("codex", at(3), gemini(), NO_PROMPT),
        ("bash", at(2), codex(), NO_PROMPT),
        ("codex", "", codex(), NO_PROMPT),
        ("gemini", at(3), "", NO_PROMPT),
    ],
)
def test_into_which_prompts_a_line_may_be_typed(client: str, state: str, screen: str, why_not: str) -> None:
    assert why_not_typed(client, state, screen) == why_not


@pytest.mark.parametrize(
    "client, state, screen, held",
    [
        ("gemini", at(20), gemini(f" > \x1b[38;5;15m{LINE}"), LINE),
        ("gemini", at(20, 7), gemini(f" > {LINE[:20]}", pads=("", f"   {LINE[20:]}")).replace(FOOTER, ""), LINE),
        ("gemini", at(3, 7), gemini(f" > {LINE}").replace(FOOTER, ""), LINE),
        ("gemini", at(20), gemini(f" > {LINE}", " YOLO Ctrl+Y"), ""),
        ("gemini", at(20), gemini(f" > {LINE}", " plan Shift+Tab to manual"), ""),
        ("gemini", at(20), gemini(f" > {LINE} and a user's own words"), f"{LINE} and a user's own words"),
        ("gemini", at(20), gemini(f" > {LINE[:20]}", pads=("", f"   {LINE[20:]}")), ""),
        ("gemini", at(3, 3), gemini(f" > {LINE}"), ""),
        ("codex", at(20), codex(f"\u203a {LINE}"), LINE),
        ("codex", at(20), codex("$ "), ""),
        ("codex", at(0, 99), codex(), ""),
        ("bash", at(20), codex(f"\u203a {LINE}"), ""),
    ],
)
def test_what_stands_in_a_prompt(client: str, state: str, screen: str, held: str) -> None:
    assert holds(client, state, screen) == squeezed(held)


@pytest.mark.parametrize(
    "client, screen, is_ours",
    [
        ("gemini", gemini(f" > {LINE}"), True),
        ("codex", codex(f"\u203a {LINE}"), True),
        ("gemini", gemini(f" > {LINE} and a user's own words"), False),
        ("gemini", gemini(f" > {LINE[:-1]}"), False),
        ("gemini", gemini(f" > {LINE}", " YOLO Ctrl+Y"), False),
        ("gemini", gemini(f" > {LINE}", status=" ⠦ Thinking... (esc to cancel, 5s)"), False),
        ("codex", codex(f"\u203a {LINE}", status="◦ Working (0s • esc to interrupt)"), False),
        ("codex", codex(), False),
        ("bash", codex(f"\u203a {LINE}"), False),
    ],
)
def test_a_line_of_ours_that_was_left_is_known(client: str, screen: str, is_ours: bool) -> None:
    assert awaits_enter(client, at(20), screen, LINE) is is_ours


def test_no_words_await_nothing() -> None:
    assert not awaits_enter("bash", at(20), "", "")


ROWS = st.sampled_from(
    ["", RULE, ASKS, FAINT, FOOTER, "\u203a ", "   ", " > ", "\x1b[2mAsk Codex to do anything", "\x1b["]
)


@given(
    st.sampled_from(sorted(LOOKS)),
    st.lists(ROWS | st.text(max_size=8), max_size=12),
    st.integers(0, 9),
    st.integers(0, 13),
)
def test_whatever_is_on_the_screen_is_judged(client: str, rows: list[str], column: int, row: int) -> None:
    screen, state = "\n".join(rows), at(column, row)
    if why_not_typed(client, state, screen) == "":
        assert holds(client, state, screen) == squeezed(LOOKS[client].faint), "nothing but its own faint words"
