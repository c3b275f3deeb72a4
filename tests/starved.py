"""How long a process was ready and kept from a processor: what a bar on its time is not about."""

from pathlib import Path


def starved(pid: int) -> float:
    """Seconds so far that its first thread was ready to run and kept from a processor; 0 where it is gone."""
    return _of_thread(Path(f"/proc/{pid}/task/{pid}"))


class Starving:
    """Counts from when it is made, for whichever thread of a process was kept waiting longest."""

    def __init__(self, pid: int, proc: Path = Path("/proc")) -> None:
        """`proc`: where the process has this number."""
        self._threads = proc / f"{pid}/task"
        assert self._all(), f"no process {pid}"
        self._before = self._all()

    @property
    def seconds(self) -> float:
        """So far."""
        return max((now - self._before.get(thread, 0.0) for thread, now in self._all().items()), default=0.0)

    def _all(self) -> dict[str, float]:
        try:
            return {thread.name: _of_thread(thread) for thread in self._threads.iterdir()}
        except OSError:
            return {}  # gone


def _of_thread(thread: Path) -> float:
    try:
        return int((thread / "schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0
