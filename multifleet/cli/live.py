"""A line on a terminal that is written over and over while something is waited for; else nothing."""

import os
import sys
from time import monotonic
from types import TracebackType
from typing import Self


class LiveLine:
    """Shows a text and the seconds that have passed, on standard error, and wipes it at the end."""

    def __init__(self) -> None:
        self.on = sys.stderr.isatty()
        self._started = monotonic()

    @property
    def elapsed(self) -> float:
        return monotonic() - self._started

    def show(self, text: str) -> None:
        """Replace the line; where the terminal is too narrow the text is cut, never the seconds."""
        if not self.on:
            return
        from multifleet.cli.table import cut
        from multifleet.core.visible import visible

        seconds = f"  {self.elapsed:.0f} s"
        line = cut(visible(text, one_line=True), max(1, self._width() - len(seconds)))
        sys.stderr.write("\r\x1b[2K" + line + seconds)
        sys.stderr.flush()

    def wipe(self) -> None:
        """Take the line away."""
        if self.on:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def _width(self) -> int:
        try:
            return (os.get_terminal_size(2).columns or 80) - 1
        except OSError:
            return 79

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wipe()
