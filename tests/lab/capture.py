"""Packets on the lab's wires."""

from __future__ import annotations

import re
import signal
import subprocess
from typing import TYPE_CHECKING

from tests.lab.tools import sh, wait_for

if TYPE_CHECKING:
    from tests.lab.lab import Lab


class Capture:
    """Packets of the lab's wires, in a pcap file while the `with` block lasts."""

    def __init__(self, lab: Lab, expression: str, interface: str) -> None:
        self.path = lab.root / f"capture-{next(lab.numbers)}.pcap"
        self._log = self.path.with_suffix(".log")
        command = ["tcpdump", "-Z", "root", "-nn", "-U", "--immediate-mode", "-i", interface]
        with self._log.open("wb") as log:
            self._dump = subprocess.Popen(
                ["nsenter", "-t", str(lab.switch), "-n", *command, "-w", str(self.path), expression],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        wait_for(lambda: "listening on" in self._log.read_text(), what="tcpdump listening")

    def stop(self) -> None:
        """End the capture once all that passed is in the file, which stays until the lab ends."""
        if self._dump.poll() is None:
            wait_for(self._written, every=0.05, what="tcpdump has written all that it was given")
            self._dump.terminate()
            self._dump.wait(5)

    def _written(self) -> bool:
        """Ended by a signal, tcpdump drops what the kernel has ready for it; its counts come from before the signal."""
        pattern = r"(\d+) packets? (?:captured|received by filter|dropped by kernel)"
        counts = [int(count) for count in re.findall(pattern, self._log.read_text())]
        self._dump.send_signal(signal.SIGUSR1)
        return len(counts) > 2 and counts[-3] + counts[-1] >= counts[-2]

    def lines(self, *options: str) -> list[str]:
        """The packets so far, one line of tcpdump's text each."""
        return sh("tcpdump", "-nn", "-tt", *options, "-r", self.path).splitlines()

    def contains(self, needle: bytes) -> bool:
        """Whether these bytes went over the wire inside any one packet (a leaked secret, say)."""
        return needle in self.path.read_bytes()

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
