"""Random bytes in small pieces: the system's generator is asked for a page at a time.

A system call for each message id and nonce is slow beside a busy writer thread, which is why they come from a page.
"""

import os

PAGE = 4096


class Randomness:
    """Bytes that are given out once; one for a process, used from one thread."""

    def __init__(self) -> None:
        self._page = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """`count` bytes, at most a page."""
        if self._at + count > len(self._page):
            self._page, self._at = os.urandom(PAGE), 0
        taken = self._page[self._at : self._at + count]
        self._at += count
        return taken
