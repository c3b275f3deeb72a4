"""Which terminal panes of a machine run an agent, and whether text may be put into one: judged from what tmux and ps
print there, and from the pane's screen.

When in doubt the answer is no: what is typed cannot be taken back, and in a shell it would be a command.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PANE_FORMAT = "#{pane_id}|#{pane_pid}|#{pane_tty}|#{pane_dead}|#{pane_in_mode}|#{pane_synchronized}|#{window_activity}"
"""What tmux is asked to print of each pane."""
STATE_FORMAT = "#{pane_id}|#{pane_pid}|#{pane_dead}|#{pane_in_mode}|#{pane_synchronized}|#{cursor_x}|#{cursor_y}"
"""What tmux is asked of one pane when its screen is looked at; text is put into it only while this is the same."""
AGENTS = frozenset({"claude"})
"""Programs whose prompt is known."""
_INTERPRETERS = frozenset({"node", "bun"})
_SCRIPT = re.compile(r".*/claude-code/.*\.m?js|(?:.*/)?claude")
_PANE = re.compile(r"(%\d{1,9})\|(\d{1,9})\|(/dev/[A-Za-z0-9/]{1,40})\|([01]?)\|([01]?)\|([01]?)\|(\d{1,15})")
_STATE = re.compile(r"%\d{1,9}\|\d{1,9}\|0?\|0?\|0?\|(\d{1,5})\|(\d{1,5})")
_PROCESS = re.compile(r"\s*(\d+)\s+(\d+)\s+(-?\d+)\s+(\S+)\s+(.*)")
_PROMPT = "\u276f"
_RULE = re.compile("─{20,}")
_NO_PROMPT = "it does not show an empty prompt: it asks something, or shows something else"
_DRAFT = "a half-typed draft stands in its prompt"


@dataclass(frozen=True, slots=True)
class Pane:
    """One pane of one tmux server."""

    server: str
    """Path of the server's socket."""
    id: str
    tty: str
    active_at: int


@dataclass(frozen=True, slots=True)
class Process:
    """One process and its terminal."""

    pid: int
    group: int
    foreground: int
    """The group that its terminal listens to."""
    tty: str
    command: str


def read_panes(server: str, text: str) -> list[Pane]:
    """Panes as tmux prints them in PANE_FORMAT; those that are dead, in copy mode or synchronized are left out."""
    found = []
    for line in text.splitlines():
        match = _PANE.fullmatch(line)
        if match and "1" not in match.group(4, 5, 6):
            found.append(Pane(server, match[1], match[3], int(match[7])))
    return found


def read_processes(text: str) -> list[Process]:
    """Processes as `ps -o pid=,pgid=,tpgid=,tty=,args=` prints them."""
    matches = (_PROCESS.fullmatch(line) for line in text.splitlines())
    return [Process(int(m[1]), int(m[2]), int(m[3]), m[4], m[5]) for m in matches if m]


def program_of(tty: str, processes: Iterable[Process]) -> str:
    """The name of the program that a terminal listens to; empty where that is not known."""
    name = tty.removeprefix("/dev/")
    leaders = [one for one in processes if one.tty == name and one.pid == one.group == one.foreground]
    if len(leaders) != 1:
        return ""
    words = leaders[0].command.split()
    first = _base(words[0]) if words else ""
    if first in _INTERPRETERS and len(words) > 1 and _SCRIPT.fullmatch(words[1]):
        return "claude"
    return first


def agent_panes(panes: Iterable[Pane], processes: Sequence[Process]) -> list[tuple[Pane, str]]:
    """Panes in whose foreground an agent runs, the one used last first, with its name."""
    named = [(pane, program_of(pane.tty, processes)) for pane in panes]
    return sorted(((pane, name) for pane, name in named if name in AGENTS), key=lambda one: -one[0].active_at)


def why_not_typed(state: str, screen: str) -> str:
    """Why no text may be put into an agent's pane now; empty where its prompt is shown and nothing stands in it."""
    place = place_of_cursor(state)
    if place is None:
        return "its pane is in a mode of its own"
    column, row = place
    lines = [line.rstrip() for line in screen.split("\n")]
    if row < 1 or row + 1 >= len(lines):
        return _NO_PROMPT
    if not _is_prompt(lines, row):
        return _DRAFT if _is_inside_prompt(lines, row) else _NO_PROMPT
    rest = lines[row][len(_PROMPT) :].strip()
    return _DRAFT if rest or column != len(_PROMPT) + 1 else ""


def why_not_typed_blind(screen: str) -> str:
    """The same where the place of the cursor is not known: only one prompt may be on the screen."""
    lines = [line.rstrip() for line in screen.split("\n")]
    rows = [row for row in range(1, len(lines) - 1) if _is_prompt(lines, row)]
    if len(rows) != 1:
        return "it does not show exactly one prompt"
    return _DRAFT if lines[rows[0]][len(_PROMPT) :].strip() else ""


def shows(screen: str, text: str) -> bool:
    """Whether the beginning of a text stands on the screen, wherever it is broken into lines."""
    return squeezed(text)[:40] in squeezed(screen)


def place_of_cursor(state: str) -> tuple[int, int] | None:
    """Column and row of a pane's cursor; None for one that is dead, in copy mode or synchronized."""
    match = _STATE.fullmatch(state)
    return (int(match[1]), int(match[2])) if match else None


def squeezed(text: str) -> str:
    """A text without its spaces, so that it is the same wherever it was broken into lines."""
    return "".join(text.split())


def _is_prompt(lines: Sequence[str], row: int) -> bool:
    """One line between two rules: a longer draft, a menu or another program has another form."""
    above, below = lines[row - 1], lines[row + 1]
    return lines[row].startswith(_PROMPT) and bool(_RULE.fullmatch(above) and _RULE.fullmatch(below))


def _is_inside_prompt(lines: Sequence[str], row: int) -> bool:
    """Whether a row belongs to a draft of several lines."""
    first = next((n for n in range(row, 0, -1) if _RULE.fullmatch(lines[n - 1])), 0)
    return first > 0 and lines[first].startswith(_PROMPT) and any(_RULE.fullmatch(line) for line in lines[row + 1 :])


def _base(path: str) -> str:
    return path.rpartition("/")[2].removeprefix("-")
