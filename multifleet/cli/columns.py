"""Lays out a table with more columns than a terminal has room for: the less important ones go below each row.

What does not stand in its column stands on a line below, with a word that says what it is.
"""

from collections.abc import Sequence

from multifleet.cli.table import GAP, cut, terminal_width, width, wrapped

EMPTY, BELOW = "-", "\u2026"
INDENT = "    "


class Column:
    """One column; its cells are inert texts on one line, EMPTY where there is nothing."""

    __slots__ = ("below", "cells", "drops", "head", "most", "moved", "rank")

    def __init__(
        self,
        head: str,
        cells: list[str],
        rank: int = 0,
        below: str = "{}",
        most: int = 999,
        drops: bool = False,
    ) -> None:
        self.head = head
        self.cells = cells
        self.rank = rank
        """Those with the highest rank go first; the column with 0 stays."""
        self.below = below
        """How a cell reads outside of its column."""
        self.most = most
        """A longer cell stands below its row, so that one long text does not cost all rows their line."""
        self.drops = drops and len({text for text in cells if text != EMPTY}) <= 1
        """Whether it is left out rather than moved: of what all rows have alike, nobody needs a line for each."""
        self.moved: set[int] = set()
        """Rows whose cell stands below."""

    def shown(self) -> list[str]:
        """Its cells, with a mark where one stands below."""
        return [BELOW if row in self.moved else text for row, text in enumerate(self.cells)]

    def width(self) -> int:
        return max(map(width, [self.head, *self.shown()]))


def wide_table(columns: Sequence[Column], notes: Sequence[Sequence[str]], room: int | None = None) -> str:
    """The table, no wider than the room, or than the terminal; without either each row is one line and its notes."""
    room = terminal_width() if room is None else room
    kept = list(columns)
    gone: list[Column] = []
    if room is not None:
        for column in columns[1:]:
            column.moved = {row for row, text in enumerate(column.cells) if width(text) > column.most}
        kept, gone = _fitting(kept, room)
    widths = [column.width() for column in kept]
    lines = [_line([column.head for column in kept], widths, room)]
    for row, texts in enumerate(zip(*(column.shown() for column in kept), strict=True)):
        lines.append(_line(texts, widths, room))
        said = [
            column.below.format(column.cells[row])
            for column in columns
            if column.cells[row] != EMPTY and ((column in gone and not column.drops) or row in column.moved)
        ]
        for text in filter(None, ["; ".join(said), *notes[row]]):
            pieces = [text] if room is None else wrapped(text, max(1, room - len(INDENT)))
            lines += [INDENT + piece for piece in pieces]
    return "".join(line + "\n" for line in lines)


def _fitting(columns: list[Column], room: int) -> tuple[list[Column], list[Column]]:
    """Those that stay, and those that go below: first the empty ones, then by rank."""
    kept, gone = list(columns), []
    order = sorted(kept, key=lambda column: (all(text == EMPTY for text in column.cells), column.rank), reverse=True)
    needed = sum(column.width() + GAP for column in columns) - GAP
    for column in order:
        if needed <= room or not column.rank:
            break
        needed -= column.width() + GAP
        kept = [other for other in kept if other is not column]
        gone.append(column)
    return kept, gone


def _line(texts: Sequence[str], widths: Sequence[int], room: int | None) -> str:
    padded = (text + " " * (most - width(text)) for text, most in zip(texts, widths, strict=True))
    line = "  ".join(padded).rstrip()
    return line if room is None else cut(line, room)
