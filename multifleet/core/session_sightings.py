"""Whether three ways of looking for agent sessions agree: the client's own registry, its processes, its transcripts.

The registry is what messages go by. The other two find what it does not say, and say where it is wrong; neither makes
anything of a text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

REGISTRY, PROCESSES, TRANSCRIPTS = "registry", "processes", "transcripts"
JUST_NOW = 30.0
"""Seconds for which something that was written tells of somebody who writes."""
SILENT = 3_600.0
"""Seconds of a busy session's silence after which that is said."""
LEEWAY = 2.0
"""Seconds by which a file may be older than the process that wrote it: clocks of disks are coarse."""

NO_PROCESS = "its process is not one of the client's, as far as can be seen"
NO_RECORD = "the client's registry does not have it: nothing wakes it"


@dataclass(frozen=True, slots=True)
class Registered:
    """A session that the registry names; moments are wall-clock seconds, 0 where they are not known."""

    id: str
    pid: int
    status: str
    started_at: float
    changed_at: float


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the client; `folder` is its transcripts' by its working folder, None where that is unknown."""

    pid: int
    started_at: float
    folder: str | None
    has_record: bool = False
    """Whether the registry has any record under its pid, be it believed or not."""


@dataclass(frozen=True, slots=True)
class Written:
    """A transcript: its folder, and when it was written to last."""

    folder: str
    at: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """One session, by which ways it is seen, and what speaks against that."""

    id: str
    pid: int | None
    seen_by: tuple[str, ...]
    doubt: str | None = None


def sightings(
    registered: Iterable[Registered],
    processes: Iterable[Process] | None,
    written: Mapping[str, Written],
    now: float,
) -> list[Sighting]:
    """Every session that is seen in some way, those of the registry first; `processes`: None where the system does not
    tell of any."""
    named = list(registered)
    running = {process.pid: process for process in processes} if processes is not None else None
    found = [_named(one, running, written.get(one.id), now) for one in named]
    taken = {one.id for one in named}
    known_pids = {one.pid for one in named}
    for process in sorted((running or {}).values(), key=lambda process: -process.started_at):
        if process.pid in known_pids or process.has_record:
            continue
        own = [
            (file.at, id)
            for id, file in written.items()
            if id not in taken and file.folder == process.folder and file.at >= process.started_at - LEEWAY
        ]
        if own:
            id = max(own)[1]
            taken.add(id)
            found.append(Sighting(id, process.pid, (PROCESSES, TRANSCRIPTS), NO_RECORD))
    for id, file in sorted(written.items(), key=lambda item: -item[1].at):
        if id not in taken and now - file.at <= JUST_NOW:
            doubt = f"only its transcript, written {_ago(file.at, now)}, tells of it: it may just have ended"
            found.append(Sighting(id, None, (TRANSCRIPTS,), doubt))
    return found


def _named(one: Registered, running: Mapping[int, Process] | None, file: Written | None, now: float) -> Sighting:
    by, doubts = [REGISTRY], []
    if running is not None and one.pid in running:
        by.append(PROCESSES)
    elif running is not None:
        doubts.append(NO_PROCESS)
    if file is not None and file.at >= one.started_at - LEEWAY:
        by.append(TRANSCRIPTS)
        if one.status == "idle" and now - file.at <= JUST_NOW and file.at > one.changed_at + JUST_NOW:
            doubts.append(f"its record says idle, and its transcript was written {_ago(file.at, now)}")
        elif one.status == "busy" and now - file.at > SILENT:
            doubts.append(f"its record says busy, and its transcript was last written {_ago(file.at, now)}")
    return Sighting(one.id, one.pid, tuple(by), "; ".join(doubts) or None)


def _ago(moment: float, now: float) -> str:
    seconds = max(0.0, now - moment)
    return f"{seconds:.0f} s ago" if seconds < 120 else f"{seconds / 60:.0f} min ago"
