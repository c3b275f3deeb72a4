"""Lines of a file that another program appends to, as its bytes come. Reads nothing, and keeps one line at the most."""

from collections.abc import Iterator

from multifleet.core.transcript import MAX_LINE


class Lines:
    """Puts pieces together; a line that is too long is passed over."""

    def __init__(self) -> None:
        self._partial = b""
        self._skipping = False
        self.passed_over = 0
        """How many were too long."""

    def restart(self) -> None:
        """Forget a line that was only half there: the next bytes come from another place or another file."""
        self._partial, self._skipping = b"", False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that are whole by now; they may be cut anywhere."""
        *whole, rest = data.split(b"\n")
        for piece in whole:
            if not self._skipping and len(self._partial) + len(piece) <= MAX_LINE:
                yield self._partial + piece
            elif not self._skipping:
                self.passed_over += 1
            self._partial, self._skipping = b"", False
        if not self._skipping:
            self._partial += rest
            if len(self._partial) > MAX_LINE:
                self._partial, self._skipping = b"", True
                self.passed_over += 1
