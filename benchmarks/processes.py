"""Times of whole processes, from start to exit, interleaved so that a ratio compares like with like."""

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Program:
    """What to run; `stdin` is a file that the process reads, `before` is called ahead of each run."""

    name: str
    words: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    stdin: Path = Path(os.devnull)
    before: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How one run went: seconds until its exit, and the status."""

    seconds: float
    status: int


def run_once(program: Program, output: Path = Path(os.devnull)) -> Ended:
    """Start it without a shell or a fork of this process, and wait."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.fspath(program.stdin), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.fspath(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    began = time.perf_counter()
    pid = os.posix_spawn(program.words[0], list(program.words), dict(program.env), file_actions=actions)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Ended(time.perf_counter() - began, status)


def per_round_ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Median of one/other, round by round."""
    return median(first / second for first, second in zip(one, other, strict=True))


def alternate(programs: Sequence[Program], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each program in each round, in turned order; RuntimeError where one does not end with 0."""
    times: dict[str, list[float]] = {program.name: [] for program in programs}
    for number in range(rounds + 1):
        for program in random.sample(programs, len(programs)):
            if program.before:
                program.before()
            ended = run_once(program)
            if ended.status != 0:
                raise RuntimeError(f"{program.name} ended with status {ended.status}: {program.words}")
            if number:  # the first round only warms the caches
                times[program.name].append(ended.seconds * 1000)
    return times
