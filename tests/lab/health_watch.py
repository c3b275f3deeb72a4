"""Asks a daemon for its health all the time, and keeps how long every answer took (I5)."""

import select
import socket
import sys
import threading
import time
from pathlib import Path

from tests.lab.fleet_node import PORT, FleetNode
from tests.starved import starved

EVERY = 0.1
"""Seconds between two questions."""
PATIENCE = 10.0
"""Seconds until one is given up."""
LAST_DATA_SENT, LAST_DATA_RECEIVED = 44, 52
"""Where Linux tells in `tcp_info` how many milliseconds ago that was (include/uapi/linux/tcp.h)."""
SUSPICIOUS = 0.5
"""Seconds after which it is looked what the daemon is doing."""


class HealthWatch:
    """Runs until it is stopped. A daemon that is down, frozen or just starting is nobody's failure, nor is the time for
    which others had its processor."""

    def __init__(self, node: FleetNode) -> None:
        self.node = node
        self.answers: list[float] = []
        self.slow: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch."""
        self._stop.set()
        self._thread.join(10)

    def check(self) -> None:
        """I5: every answer came within a second."""
        assert not self.slow, f"I5: /health of {self.node.name}: {self.slow}"

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            daemon = self.node.serving
            if daemon is None or not daemon.alive:
                continue
            start, pauses, before, took = time.monotonic(), daemon.pauses, starved(daemon.pid), 0.0
            try:
                held = ""
                with self.node.host.connect("127.0.0.1", PORT, PATIENCE) as link:
                    link.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if not select.select([link], [], [], SUSPICIOUS)[0]:
                        held = _held(daemon.pid)
                    answer = link.recv(4096)
                    took = _took(link)
            except (ConnectionError, FileNotFoundError, socket.gaierror):
                continue  # killed, starting, or the host is gone
            except OSError as error:
                answer, took = str(error).encode(), time.monotonic() - start
            without = starved(daemon.pid) - before
            good = answer.startswith(b"HTTP/1.1 200") and took - without < 1
            if not good and not daemon.stopped and daemon.pauses == pauses and not daemon.ends_within(0.5):
                at = time.strftime("%H:%M:%S")
                self.slow.append(f"{at} {took:.2f} s, {without:.2f} s without a processor: {answer[:15]!r}; {held}")
            self.answers.append(took)


def _took(link: socket.socket) -> float:
    """Seconds from the question to its answer as the kernel saw them: this process may have waited for a processor."""
    told = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64)
    sent, received = (int.from_bytes(told[at : at + 4], sys.byteorder) for at in (LAST_DATA_SENT, LAST_DATA_RECEIVED))
    return (sent - received) / 1000


def _held(pid: int) -> str:
    """What the process's first thread is doing in the kernel."""
    try:
        calls = Path(f"/proc/{pid}/task/{pid}/stack").read_text().split()
    except OSError as error:
        return str(error)
    return " < ".join(call.partition("+")[0] for call in calls if not call.startswith("[")) or "computes"
