"""Lays rows out as a table for people, no wider than their terminal. What a peer wrote is made inert."""

import sys
import time
import unicodedata
from collections.abc import Sequence

from multifleet.core.visible import visible

GAP = 2
ROOM, AMPLE = 24, 48
"""Columns for the last cell: with fewer than ROOM it goes onto lines of its own, with AMPLE ids stay whole."""
ID, SHORT_ID = 36, 18
"""Characters of a message id, and those that tell two messages apart; commands take the start of an id."""


def table(
    heads: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str, ids: bool = False, preview: bool = False
) -> str:
    """A table with a head line; `empty` instead of it where there are no rows.

    On a terminal that is too narrow for it, `ids` says that the first cells end in message ids, which are then
    shortened; the last cells are wrapped, or with `preview` cut; and where even that does not fit, each row is
    shown as lines. Without a terminal nothing is changed.
    """
    if not rows:
        return empty + "\n"
    cells = [[cell(value) for value in row] for row in rows]
    room = terminal_width()
    widths = _widths(heads, cells)
    if room is None or _total(widths) <= room:
        return "".join(_line(row, widths) for row in [list(heads), *cells])
    if ids and room - _total(widths[:-1]) - GAP < AMPLE:
        cells = [[row[0][: SHORT_ID - ID], *row[1:]] for row in cells]
        widths = _widths(heads, cells)
    before = _total(widths[:-1])
    left = room - before - GAP
    if left >= ROOM:
        widths[-1] = left
        lines = [_line([*heads[:-1], cut(heads[-1], left)], widths)]
        for row in cells:
            first, *more = [cut(row[-1], left)] if preview else wrapped(row[-1], left)
            lines.append(_line([*row[:-1], first], widths))
            lines += [" " * (before + GAP) + piece + "\n" for piece in more]
        return "".join(lines)
    if before <= room:
        return _line(heads[:-1], widths[:-1]) + "".join(_with_line_below(row, widths, room, preview) for row in cells)
    return "\n".join(_as_lines(heads, row, room) for row in cells)


def terminal_width() -> int | None:
    """Columns of the terminal that is printed to; None where there is none."""
    if not sys.stdout.isatty():
        return None
    import shutil  # with it come all compressors, and the daemon has this module too

    return shutil.get_terminal_size().columns


def wrapped(text: str, room: int) -> list[str]:
    """The text in pieces that are no wider than the room, broken at spaces where there are any; never empty."""
    pieces = []
    while width(text) > room:
        end = max(1, len(_start(text, room)))
        space = text.rfind(" ", 1, end + 1)
        end = space if space > 0 else end
        pieces.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*pieces, text] if text or not pieces else pieces


def cell(value: object) -> str:
    """One value on one line; nothing is a dash."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(map(cell, value)) or "-"
    return visible(str(value), one_line=True)


def ago(moment: float | None, now: float | None = None) -> str:
    """How long ago it was, in one unit."""
    if moment is None:
        return "never"
    return span((time.time() if now is None else now) - moment) + " ago"


def span(seconds: float) -> str:
    """A length of time in one unit."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def clock(moment: float) -> str:
    """The time of day here, to the millisecond."""
    return time.strftime("%H:%M:%S", time.localtime(moment)) + f".{int(moment * 1000) % 1000:03d}"


def day(moment: float) -> str:
    """Date and time of day here, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def short(text: str, length: int) -> str:
    """The beginning of a text, on one line."""
    line = cell(text)
    return line if len(line) <= length else line[: length - 1] + "\u2026"


def width(text: str) -> int:
    """Columns that a terminal needs for a text on one line."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.east_asian_width(character) in "WF":
        return 2
    return 0 if unicodedata.combining(character) else 1


def _start(text: str, room: int) -> str:
    taken = 0
    for at, character in enumerate(text):
        taken += _columns(character)
        if taken > room:
            return text[:at]
    return text


def cut(text: str, room: int) -> str:
    """The beginning of a text that is wider than the room, with a mark that it was cut."""
    return text if width(text) <= room else _start(text, room - 1) + "\u2026"


def _widths(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(width, column)) for column in zip(heads, *cells, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _with_line_below(row: Sequence[str], widths: Sequence[int], room: int, preview: bool) -> str:
    text = _line(row[:-1], widths[:-1])
    if row[-1] == "-":
        return text
    pieces = [cut(row[-1], room - 4)] if preview else wrapped(row[-1], room - 4)
    return text + "".join(f"    {piece}\n" for piece in pieces)


def _as_lines(heads: Sequence[str], row: Sequence[str], room: int) -> str:
    named = max(map(width, heads)) + GAP
    lines = []
    for head, text in zip(heads, row, strict=True):
        first, *more = wrapped(text.lstrip(), max(1, room - named))
        lines += [f"{head.lstrip():<{named}}{first}\n", *(" " * named + piece + "\n" for piece in more)]
    return "".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text + " " * (room - width(text)) for text, room in zip(row, widths, strict=True))
    return "  ".join(padded).rstrip() + "\n"
