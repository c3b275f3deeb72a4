"""A disk whose flushes take a chosen time and are counted: a preloaded library over fsync and fdatasync."""

import os
import subprocess
import time
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "tests" / "lab" / "slowsync.c"


def build(folder: Path) -> Path:
    """The compiled library."""
    library = folder / "slowsync.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def environment(library: Path, log: Path, flush_us: int) -> dict[str, str]:
    """For a process whose flushes take at least `flush_us` microseconds and are counted in `log`."""
    return os.environ | {"LD_PRELOAD": str(library), "SLOWSYNC_LOG": str(log), "SLOWSYNC_US": str(flush_us)}


def flushes(log: Path) -> dict[int, int]:
    """Flushes by process id, exact to 64 while the process lives."""
    counted: dict[int, int] = {}
    for line in log.read_text().splitlines() if log.exists() else []:
        pid, count = map(int, line.split())
        counted[pid] = max(count, counted.get(pid, 0))
    return counted


def flush_time(folder: Path) -> float:
    """Milliseconds that one small flush takes in this folder, median of 200."""
    times = []
    with (folder / "flushed").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return sorted(times)[100] * 1000
