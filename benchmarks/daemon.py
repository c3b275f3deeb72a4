"""What a daemon costs that does nothing: its start, its memory, its processor time."""

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import psutil

from benchmarks.nodes import Daemon, join, make_node
from benchmarks.processes import Program, per_round_ratio, run_once
from benchmarks.table import Row

IMPORT = "import aiohttp.web"
"""By this interpreter: the product's own environment has no aiohttp."""
MIB = 1024 * 1024


def measure(folder: Path, rounds: int, idle_seconds: float) -> list[Row]:
    """Two daemons that are joined and have nothing to send."""
    homes = [folder / "mac1", folder / "mac2"]
    for home in homes:
        make_node(home, home.name)
    with Daemon(homes[1]) as recipient:
        join(homes[0], homes[1], recipient.port)
    return [_start(homes[0], rounds), *_idle(homes, idle_seconds)]


def _start(home: Path, rounds: int) -> Row:
    program = Program("import", [sys.executable, "-c", IMPORT])
    imports, starts = [], []
    for _ in range(rounds):
        imports.append(run_once(program).seconds)
        with Daemon(home) as daemon:
            starts.append(daemon.started_in)
    measured = f"{median(starts):.2f} s, {median(imports):.2f} s"
    ratio = per_round_ratio(starts, imports)
    return Row("daemon, start to /health, against `import aiohttp.web`", measured, ratio, at_most=2.5)


def _idle(homes: list[Path], seconds: float) -> list[Row]:
    with ExitStack() as stack:
        daemons = [stack.enter_context(Daemon(home)) for home in homes]
        time.sleep(min(2.0, seconds))
        processes = [psutil.Process(daemon.pid) for daemon in daemons]
        before = [_processor_time(process) for process in processes]
        time.sleep(seconds)
        used = [_processor_time(process) - earlier for process, earlier in zip(processes, before, strict=True)]
        memory = median(process.memory_info().rss for process in processes)
    bare = _memory_of_import()
    busy = median(used) / seconds * 100
    measured = f"{memory / MIB:.0f} MiB, {bare / MIB:.0f} MiB"
    return [
        Row("daemon, idle memory against that process", measured, memory / bare, at_most=1.3),
        Row("daemon, idle CPU with one peer, %", f"{busy:.2f} %", busy, at_most=0.4),
    ]


def _processor_time(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _memory_of_import() -> int:
    code = f"{IMPORT}; import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        process.stdout.readline()
        memory: int = psutil.Process(process.pid).memory_info().rss
        process.stdin.close()
    return memory
