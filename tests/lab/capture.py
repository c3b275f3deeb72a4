"""Packets on the lab's wires."""

from __future__ import annotations

import subprocess
import time
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
        """End the capture; the file stays until the lab ends."""
        if self._dump.poll() is None:
            time.sleep(0.05)
            self._dump.terminate()
            self._dump.wait(5)

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
