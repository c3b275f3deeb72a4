"""A home that a short command holds, while time passes only where somebody sleeps."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from multifleet.store import lock


class Passing:
    """Time that passes where somebody sleeps."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    time = staticmethod(time.time)


@contextmanager
def held_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Passing]:
    """This process holds it as a command does; how long others have waited for it."""
    passing = Passing()
    monkeypatch.setattr(lock, "time", passing)
    monkeypatch.setattr(os, "umask", lambda mask: mask)  # it would stay this process's own
    taking = lock.HomeLock.acquire(home)
    try:
        yield passing
    finally:
        taking.release()
