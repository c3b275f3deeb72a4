"""Lays rows out as a table for people. What a peer wrote is made inert and put on one line."""

import time
import unicodedata
from collections.abc import Sequence

from multifleet.core.visible import visible


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> str:
    """A table with a head line; `empty` instead of it where there are no rows."""
    if not rows:
        return empty + "\n"
    cells = [[cell(value) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(heads, *cells, strict=True)]
    return "".join(_line(row, widths) for row in [list(heads), *cells])


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


def short(text: str, width: int) -> str:
    """The beginning of a text, on one line."""
    line = cell(text)
    return line if len(line) <= width else line[: width - 1] + "\u2026"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True))
    return "  ".join(padded).rstrip() + "\n"


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)
