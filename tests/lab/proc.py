"""A background process of a host: signals and output."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.fault import Fault
from tests.lab.kernel import children, newer_children, send_signal, stat
from tests.lab.tools import LabError, wait_for

if TYPE_CHECKING:
    from tests.lab.machine import Machine


class Proc:
    """A background process of a host: a real pid to signal, and its output in a log file."""

    def __init__(self, host: Machine, name: str, runner: subprocess.Popen[bytes], log: Path) -> None:
        self.host, self.name, self.log, self._runner = host, name, log, runner
        self.pauses = 0
        """How often it was stopped or went on."""
        self.pid = self._find()

    def _find(self) -> int:
        """The command's own pid: the one child of the nsenter that carries it."""
        deadline = time.monotonic() + 30
        looks = itertools.cycle([*[newer_children] * 7, children])
        while self._runner.poll() is None and time.monotonic() < deadline:
            for pid in next(looks)(self._runner.pid):
                return pid
            time.sleep(0.002)
        return 0

    @property
    def alive(self) -> bool:
        """Whether the command still runs."""
        return self._runner.poll() is None

    @property
    def stopped(self) -> bool:
        """Whether it is stopped by a signal, so that it cannot answer."""
        return stat(self.pid)[0] in "tT"

    @property
    def output(self) -> str:
        """All it has written so far, both streams."""
        return self.log.read_text(errors="replace")

    def signal(self, number: int) -> None:
        """Send a signal to this process alone."""
        if self.alive:
            send_signal(self.pid, number)

    def kill(self) -> int:
        """SIGKILL, and wait: no handler runs, no buffer is flushed by the program."""
        self.signal(signal.SIGKILL)
        send_signal(self._runner.pid, signal.SIGCONT)  # nsenter stops along with its child
        return self.wait()

    def stop(self, timeout: float = 10.0) -> int:
        """SIGTERM, then SIGKILL if it does not end in time."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def wait(self, timeout: float | None = 10.0) -> int:
        """Its exit status (negative: the signal that ended it)."""
        return self._runner.wait(timeout)

    def ends_within(self, seconds: float) -> bool:
        """Whether it is gone, or is just going."""
        try:
            self.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait_output(self, pattern: str, timeout: float = 60.0) -> re.Match[str]:
        """The first match of a regular expression in its output."""

        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.output, re.M)
            if not found and not self.alive:
                raise LabError(f"{self.name} ended with {self._runner.returncode}: {self.output}")
            return found

        match = wait_for(look, timeout, what=f"{pattern!r} in the output of {self.name}")
        assert isinstance(match, re.Match)
        return match

    def paused(self) -> Fault:
        """SIGSTOP until undone: its sockets stay open and the kernel still accepts for it."""
        self.pauses += 1
        self.signal(signal.SIGSTOP)
        wait_for(lambda: stat(self.pid)[0] in "TtX", what=f"{self.name} stopped")

        def resume() -> None:
            self.pauses += 1
            self.signal(signal.SIGCONT)
            if self.alive:
                send_signal(self._runner.pid, signal.SIGCONT)

        return Fault(f"{self.name} paused", [resume])

    def __enter__(self) -> Proc:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
