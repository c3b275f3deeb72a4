"""Shows a picture that is drawn over and over: in place on a terminal, which is left as it was, else block by block."""

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import NoReturn, Self

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[H", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"


class Screen:
    """Standard output while something is watched."""

    def __init__(self) -> None:
        self.on = sys.stdout.isatty()
        self._shown = ""

    def draw(self, text: str) -> None:
        """Replace the picture; without a terminal print it, unless it is the one that was printed last."""
        if self.on:
            sys.stdout.write(_HOME + self._fitted(text) + _REST)
        elif text != self._shown:
            apart = "\n" if self._shown.count("\n") > 1 else ""
            sys.stdout.write(apart + text)
        self._shown = text
        sys.stdout.flush()

    def _fitted(self, text: str) -> str:
        from multifleet.cli.table import cut

        columns, rows = _size()
        lines = text.splitlines()
        if len(lines) > rows:
            hidden = len(lines) - rows + 1
            lines = [*lines[: rows - 1], f"\u2026 {hidden} more lines: the window is too low for them"]
        return (_REST_OF_LINE + "\n").join(cut(line, columns) for line in lines)

    def __enter__(self) -> Self:
        if self.on:
            self._before = signal.signal(signal.SIGTERM, _end)
            sys.stdout.write(_ENTER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.on:
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()
            signal.signal(signal.SIGTERM, self._before)


def _size() -> tuple[int, int]:
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return 80, 24
    return size.columns or 80, size.lines or 24


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
