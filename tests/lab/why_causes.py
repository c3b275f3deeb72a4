"""Every cause of `why`, made for real in each topology, one after the other; and what was told of it."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from multifleet.core.diagnosis.causes import Cause, Confidence
from tests.lab import why_faults as faults
from tests.lab.why_lab import PEER, TOPOLOGIES, Topology, WhyLab

C = Cause


@dataclass(frozen=True, slots=True)
class Cell:
    """One cause in one topology."""

    topology: str
    cause: Cause
    done: str
    names: frozenset[Cause]
    """What it may be called."""
    truths: frozenset[Cause]
    """What is so, these and others."""
    told: Cause
    confidence: Confidence
    sentence: str
    also: tuple[str, ...]
    evidence: tuple[str, ...]
    seconds: float
    """That `why` took."""
    shown: str = ""
    """What the command line printed of it, where that was asked."""
    ways: Mapping[str, str] = field(default_factory=dict)
    """What `check` said of each channel meanwhile, where that was asked."""

    @property
    def is_named(self) -> bool:
        """Whether what was told is the cause."""
        if self.cause is Cause.NONE:
            return self.told in self.truths
        return self.told in self.names and self.confidence is not Confidence.UNKNOWN

    @property
    def is_false(self) -> bool:
        """Whether something was called proved that is not so."""
        proved = [word.removesuffix(" (proved)") for word in self.also if word.endswith(" (proved)")]
        if self.confidence is Confidence.PROVED:
            proved.append(self.told.value)
        return bool(set(proved) - {cause.value for cause in self.truths})


@dataclass(frozen=True, slots=True)
class Case:
    """How a cause is made; the fault yields what was done, in words."""

    cause: Cause
    fault: Callable[[WhyLab], AbstractContextManager[str]]
    from_well: bool = True
    """Whether the peer runs well before."""
    is_also: frozenset[Cause] = frozenset()
    """What else the same fault may be called."""
    other_truths: frozenset[Cause] = frozenset()
    """What is so as well, and is not asked for."""
    in_words: bool = False
    """Whether the command line is asked too, and each channel."""


STOPPED = (
    Case(C.DAEMON_DOWN, faults.daemon_stopped),
    Case(C.VERSION_MISMATCH, faults.newer_version, from_well=False),
    Case(C.KEY_CHANGED, faults.set_up_anew, from_well=False),
)
TWO = (
    Case(C.NONE, faults.nothing),
    Case(C.PORT_BLOCKED, faults.port_refused),
    Case(C.MTU_BLACK_HOLE, faults.large_lost_to_peer),
    Case(C.CLOCK_OFF, faults.clock_ahead),
    Case(C.DISK_FULL, faults.disk_full),
    Case(C.NATS_DOWN, faults.nats_stopped),
    Case(C.HOST_KEY_CHANGED, faults.other_host_key),
    replace(STOPPED[0], in_words=True),
    *STOPPED[1:],
    Case(C.ASLEEP, faults.asleep),
    Case(C.ADDRESS_CHANGED, faults.moved),
    # Of two machines, the one that is the chief is the peer itself, and its daemon is what is down.
    Case(C.CHIEF_DOWN, faults.chief_killed, is_also=frozenset({C.DAEMON_DOWN})),
    Case(C.REVOKED, faults.revoked, from_well=False),
)
THREE = (
    Case(C.NONE, faults.nothing),
    Case(C.PORT_BLOCKED, faults.port_silent),
    Case(C.MTU_BLACK_HOLE, faults.large_lost),
    Case(C.CLOCK_OFF, faults.started_behind),
    Case(C.DISK_FULL, faults.disk_full),
    Case(C.NATS_DOWN, faults.nats_stopped),
    Case(C.HOST_KEY_CHANGED, faults.other_host_key),
    STOPPED[0],
    Case(C.VERSION_MISMATCH, faults.foreign_version, from_well=False),
    STOPPED[2],
    Case(C.ASLEEP, faults.asleep),
    Case(C.ADDRESS_CHANGED, faults.moved),
    Case(C.CHIEF_DOWN, faults.chief_gone),
    Case(C.REVOKED, faults.revoked, from_well=False),
)
APART = frozenset({C.PORT_BLOCKED})
"""True of two that reach each other only by the third."""
SITES = (
    Case(C.CLOCK_OFF, faults.clock_ahead, other_truths=APART),
    Case(C.DISK_FULL, faults.disk_full, other_truths=APART),
    Case(C.NATS_DOWN, faults.nats_stopped, other_truths=APART),
    Case(C.CHIEF_DOWN, faults.chief_stopped, other_truths=APART),
    *(replace(case, other_truths=APART) for case in STOPPED),
    Case(C.ASLEEP, faults.asleep, other_truths=APART),
    Case(C.NONE, faults.gate_opened),
    Case(C.HOST_KEY_CHANGED, faults.other_host_key),
    Case(C.PORT_BLOCKED, faults.own_port_refused),
    Case(C.MTU_BLACK_HOLE, faults.large_lost_from_peer),
    Case(C.ADDRESS_CHANGED, faults.moved),
    Case(C.REVOKED, faults.asker_revoked),
)
CASES = dict(zip((topology.name for topology in TOPOLOGIES), (TWO, THREE, SITES), strict=True))


def run_all() -> list[Cell]:
    """Every cell; the topologies beside each other, for most of the time goes by waiting for who does not answer."""
    with ThreadPoolExecutor(len(TOPOLOGIES)) as beside:
        return [cell for cells in beside.map(run, TOPOLOGIES) for cell in cells]


def run(topology: Topology) -> list[Cell]:
    """The cells of one topology, in one fleet."""
    with WhyLab(topology) as lab:
        return [_cell(lab, case) for case in CASES[topology.name]]


def _cell(lab: WhyLab, case: Case) -> Cell:
    if case.from_well:
        lab.ready()
    with case.fault(lab) as done, ThreadPoolExecutor(2) as beside:
        began = time.monotonic()
        text = beside.submit(lab.asker.cli, "why", PEER) if case.in_words else None
        ways = beside.submit(lab.ways) if case.in_words else None
        found = lab.why()
        took = time.monotonic() - began
    return Cell(
        lab.topology.name,
        case.cause,
        done,
        case.is_also | {case.cause},
        case.is_also | case.other_truths | {case.cause},
        C(found["cause"]),
        Confidence(found["confidence"]),
        found["sentence"],
        tuple(found["also"]),
        tuple(found["evidence"]),
        took,
        text.result().stdout if text else "",
        ways.result() if ways else {},
    )


def table(cells: Iterable[Cell]) -> str:
    """A line for each cell; the evidence too where it was not named."""
    lines = []
    for cell in cells:
        mark = "FALSE" if cell.is_false else "" if cell.is_named else "not named"
        lines.append(
            f"{cell.topology:22} {cell.cause:22} {cell.told:22} {cell.confidence:8} {cell.seconds:4.1f} s  {cell.done}"
            f"  {mark}"
        )
        if mark:
            lines += [f"    {words}" for words in (cell.sentence, *cell.also, *cell.evidence)]
    return "\n".join(lines)
