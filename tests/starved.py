"""How long a process was ready and kept from a processor: what a bar on its time is not about."""

from pathlib import Path


def starved(pid: int) -> float:
    """Seconds so far that its first thread was ready to run and kept from a processor; 0 where it is gone."""
    return _of_thread(Path(f"/proc/{pid}/task/{pid}"))


class Starving:
    """Counts from when it is made, for whichever thread of a process was kept waiting longest; for several processes,
    of which one hands something on to the other, the sum of that."""

    def __init__(self, *pids: int, proc: Path = Path("/proc")) -> None:
        """`proc`: where the processes have these numbers."""
        self._before = {proc / f"{pid}/task": _of_threads(proc / f"{pid}/task") for pid in pids}
        assert all(self._before.values()), f"not all of {pids} run"

    @property
    def seconds(self) -> float:
        """So far."""
        return sum(self._of(threads, before) for threads, before in self._before.items())

    def _of(self, threads: Path, before: dict[str, float]) -> float:
        return max((now - before.get(thread, 0.0) for thread, now in _of_threads(threads).items()), default=0.0)


def _of_threads(threads: Path) -> dict[str, float]:
    try:
        return {thread.name: _of_thread(thread) for thread in threads.iterdir()}
    except OSError:
        return {}  # gone


def _of_thread(thread: Path) -> float:
    try:
        return int((thread / "schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0
