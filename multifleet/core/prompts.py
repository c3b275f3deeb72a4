"""Whether an agent's screen shows its prompt with nothing in it, or one line of ours and nothing else: judged from what
tmux prints of the pane.

When in doubt the answer is no. A prompt is empty only where its own faint words stand in it, the cursor before them,
nothing runs, and where the screen tells it, its user is asked before commands run.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from multifleet.core.panes import place_of_cursor, squeezed

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_RULE = re.compile("─{20,}")
_PAD = re.compile("[▄▀]*")
NO_PROMPT = "it does not show its prompt, or shows something else as well"
DRAFT = "a draft stands in its prompt"
BUSY = "a turn runs"
ASKS_NOBODY = "it does not show that its user is asked before commands run"
STATUS_LINES = 6
"""Lines above the prompt in which a client says that a turn runs."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a client draws its prompt."""

    sign: str
    """What stands before the text."""
    faint: str
    """What stands in an empty prompt."""
    busy: str
    modes: tuple[str, ...] = ()
    """How the line above the prompt begins where its user is asked; none where the screen does not tell it."""


LOOKS = {
    "codex": Look("\u203a ", "Ask Codex to do anything", "esc to interrupt"),
    "gemini": Look(
        " > ",
        "  Type your message or @path/to/file",
        "esc to cancel",
        ("Shift+Tab to accept edits", "auto-accept edits "),
    ),
}
"""The clients whose prompt is known; measured with Codex 0.169.0 and Gemini CLI 0.61.0."""


def why_not_typed(client: str, state: str, screen: str) -> str:
    """Why no line may be typed for this session now; empty where it may. The screen comes with its colours."""
    look, place = LOOKS.get(client), place_of_cursor(state)
    if look is None or place is None:
        return NO_PROMPT
    raw = screen.split("\n")
    lines = _plain(raw)
    column, row = place
    if not 3 < row < len(lines) - 1 or not lines[row].startswith(look.sign) or not _ends(lines, row):
        return NO_PROMPT
    if lines[row] != look.sign + look.faint or column != len(look.sign) or not _is_faint(raw[row], look.faint):
        return DRAFT
    if not _is_pad(lines[row - 1]):
        return NO_PROMPT
    if not _asks(look, lines, row):
        return ASKS_NOBODY
    return BUSY if _is_busy(look, lines, row) else ""


def holds(client: str, state: str, screen: str) -> str:
    """What stands in the prompt, without any spaces; empty where no prompt is shown, or its user is not asked."""
    return _held(client, state, screen)[0]


def awaits_enter(client: str, state: str, screen: str, words: str) -> bool:
    """Whether just these words stand in a prompt while no turn runs: who put them there ended before sending them."""
    held, lines, first = _held(client, state, screen)
    return held == squeezed(words) != "" and not _is_busy(LOOKS[client], lines, first)


def _held(client: str, state: str, screen: str) -> tuple[str, list[str], int]:
    """What the prompt holds, the screen's lines, and in which of them it begins."""
    look, place = LOOKS.get(client), place_of_cursor(state)
    lines = _plain(screen.split("\n"))
    if look is None or place is None or not place[1] < len(lines) or not _ends(lines, place[1]):
        return "", lines, -1
    indent = " " * len(look.sign)
    first = next((row for row in range(place[1], -1, -1) if lines[row] and not lines[row].startswith(indent)), -1)
    if first < 0 or not lines[first].startswith(look.sign) or not _asks(look, lines, first):
        return "", lines, -1
    return squeezed(" ".join(line[len(look.sign) :] for line in lines[first : place[1] + 1])), lines, first


def _is_busy(look: Look, lines: Sequence[str], row: int) -> bool:
    top = row - 3 if look.modes else row - 1
    return any(look.busy in line for line in lines[max(0, top - STATUS_LINES) : max(0, top)])


def _asks(look: Look, lines: Sequence[str], row: int) -> bool:
    """Whether the screen says so above the prompt that begins in this row, where it would say the contrary, too."""
    if not look.modes:
        return True
    return row > 2 and bool(_RULE.fullmatch(lines[row - 3])) and lines[row - 2].strip().startswith(look.modes)


def _plain(raw: Sequence[str]) -> list[str]:
    return [_COLOURS.sub("", line).rstrip() for line in raw]


def _ends(lines: Sequence[str], row: int) -> bool:
    """Whether nothing of the prompt stands below this row."""
    return row + 1 < len(lines) and _is_pad(lines[row + 1])


def _is_pad(line: str) -> bool:
    return _PAD.fullmatch(line) is not None


def _is_faint(raw: str, faint: str) -> bool:
    """Whether the words are drawn otherwise than what a user types: right after a change of colour."""
    return re.search(rf"\x1b\[[0-9;]*m ?{re.escape(faint.strip())}", raw) is not None
