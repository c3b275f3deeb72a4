"""Packets on the lab's wires."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.tools import LabError, sh, wait_for

if TYPE_CHECKING:
    from tests.lab.lab import Lab


ROOM = ("-s", "66000", "-B", "65536")
"""Bytes of a frame (a packet has 65,535 at most), and KiB for those that tcpdump has not read yet: by itself it has
room for eight, and loses what comes meanwhile."""


class Capture:
    """Packets of the lab's wires, in a pcap file while the `with` block lasts."""

    def __init__(self, lab: Lab, expression: str, interface: str) -> None:
        self.path = lab.root / f"capture-{next(lab.numbers)}.pcap"
        self._log = self.path.with_suffix(".log")
        command = ["tcpdump", "-Z", "root", "-nn", "-U", "--immediate-mode", *ROOM, "-i", interface]
        with self._log.open("wb") as log:
            self._dump = subprocess.Popen(
                ["nsenter", "-t", str(lab.switch), "-n", *command, "-w", str(self.path), expression],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        wait_for(lambda: "listening on" in self._log.read_text(), what="tcpdump listening")

    def stop(self) -> None:
        """End the capture once all that passed is in the file, which stays until the lab ends; LabError where something
        was lost."""
        if self._dump.poll() is None:
            try:
                wait_for(self._waits, every=0.01, what="tcpdump has written all that it was given")
            finally:
                self._dump.terminate()
                self._dump.wait(5)
            said = self._log.read_text()
            if "\n0 packets dropped by kernel" not in said:
                raise LabError(f"tcpdump was too slow: {said}")

    def _waits(self) -> bool:
        """Ended by a signal, tcpdump drops what the kernel has ready for it; it sleeps when there is nothing. Its
        counts do not tell: what came before its filter was set counts as received, and is never written."""
        return Path(f"/proc/{self._dump.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"

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
