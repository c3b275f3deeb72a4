"""Delivery measured side by side: every round asks all pipelines the same, in turned order."""

import random
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import slow_disk
from benchmarks.load import Figures
from benchmarks.pipelines import Pipeline

PIPELINES = {
    "N": ("benchmarks.naive", ()),
    "Y": ("benchmarks.yardstick", ()),
    "Y together": ("benchmarks.yardstick", ("--together",)),
    "product": ("benchmarks.product", ()),
}
HTTP_ALONE = "product, HTTP alone"
VARIANTS = {HTTP_ALONE: ("benchmarks.product", ("--http-alone",))}
"""Measured only where a plan names them."""
CALLERS = (1, 16, 128)
SLOW_FLUSH_US = 2000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    rounds: int = 5
    seconds: float = 1.5
    callers: Sequence[int] = CALLERS
    backlog: int = 10_000
    names: Sequence[str] = tuple(PIPELINES)
    naive_backlog: int = 1_000
    posted: int = 128
    """Callers that post over HTTP, from another process."""
    settle: float = 0.0
    """Seconds in which connections are made, before anything is measured."""


@dataclass(slots=True)
class Measured:
    """By pipeline and callers: the figures of each round, and flushes for each delivered message."""

    rounds: dict[tuple[str, int], list[Figures]] = field(default_factory=lambda: defaultdict(list))
    flushes: dict[tuple[str, int], float] = field(default_factory=dict)
    backlog: dict[str, float] = field(default_factory=dict)
    posted: dict[str, list[Figures]] = field(default_factory=lambda: defaultdict(list))
    """With the load from another process, by pipeline."""

    def median(self, name: str, callers: int, figure: str) -> float:
        return median(one[figure] for one in self.rounds[name, callers])  # type: ignore[literal-required]

    def ratio(self, name: str, other: str, callers: int, figure: str) -> float:
        """Median of the per-round ratios."""
        pairs = zip(self.rounds[name, callers], self.rounds[other, callers], strict=True)
        return median(one[figure] / two[figure] for one, two in pairs)  # type: ignore[literal-required]


def measure(folder: Path, plan: Plan, flush_us: int) -> Measured:
    """All pipelines at once, one of them busy at a time; `flush_us` is the least time of a flush."""
    library = slow_disk.build(folder)
    measured = Measured()
    with ExitStack() as stack:
        pipelines = []
        for name in plan.names:
            module, words = (PIPELINES | VARIANTS)[name]
            home = folder / name.replace(" ", "-")
            pipelines.append(stack.enter_context(Pipeline(name, module, home, library, flush_us, *words)))
        for pipeline in pipelines:
            pipeline.ask(do="callers", callers=16, seconds=min(0.5, plan.seconds))
        time.sleep(plan.settle)
        for callers in plan.callers:
            _rounds(pipelines, callers, plan, measured)
        if plan.posted:
            _posted(pipelines, plan, measured)
        if plan.backlog:
            for pipeline in pipelines:
                count = plan.naive_backlog if pipeline.name == "N" else plan.backlog
                measured.backlog[pipeline.name] = _drain_rate(pipeline, count)
                _progress(f"{pipeline.name} backlog: {measured.backlog[pipeline.name]:,.0f}/s")
    return measured


def _rounds(pipelines: list[Pipeline], callers: int, plan: Plan, measured: Measured) -> None:
    flushed: dict[str, int] = defaultdict(int)
    for number in range(plan.rounds):
        for pipeline in random.sample(pipelines, len(pipelines)):
            before = pipeline.flushes()
            figures = pipeline.ask(do="callers", callers=callers, seconds=plan.seconds)
            flushed[pipeline.name] += pipeline.flushes() - before
            measured.rounds[pipeline.name, callers].append(Figures(**figures))
            shown = f"{figures['rate']:,.0f}/s, p50 {figures['p50']:.2f} ms, p99 {figures['p99']:.2f} ms"
            _progress(f"{callers} callers, round {number + 1}, {pipeline.name}: {shown}")
    for pipeline in pipelines:
        delivered = sum(one["count"] for one in measured.rounds[pipeline.name, callers])
        measured.flushes[pipeline.name, callers] = flushed[pipeline.name] / delivered


def _posted(pipelines: list[Pipeline], plan: Plan, measured: Measured) -> None:
    for number in range(plan.rounds):
        for pipeline in random.sample(pipelines, len(pipelines)):
            figures = pipeline.post(plan.posted, plan.seconds)
            measured.posted[pipeline.name].append(figures)
            shown = f"{figures['rate']:,.0f}/s stored, p50 {figures['p50']:.2f} ms to be accepted"
            _progress(f"{plan.posted} callers over HTTP, round {number + 1}, {pipeline.name}: {shown}")


def _drain_rate(pipeline: Pipeline, count: int) -> float:
    """Messages a second after an outage, from the recipient's first answer to the last message's receipt."""
    pipeline.stop_recipient()
    pipeline.ask(do="accept", count=count)
    pipeline.start_recipient()
    return count / pipeline.ask(do="drain")["seconds"]


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
