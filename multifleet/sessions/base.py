"""What is known about a live agent session of this machine, and what a place that knows sessions offers.

Nothing here believes a client's word: the modules beside this one check what they read before they say it.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Status(StrEnum):
    """What a session is doing now."""

    IDLE = "idle"
    BUSY = "busy"
    WAITING = "waiting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation that runs in a process of this user; times are wall-clock seconds."""

    client: str
    session_id: str
    pid: int
    proc_start: str
    cwd: str
    name: str
    status: Status
    version: str
    entrypoint: str
    socket: Path | None
    transcript: Path | None
    started_at: float
    updated_at: float
    kind: str
    waiting_for: str | None = None
    status_at: float = 0.0
    """Since when it has that status; 0 where its client does not say."""
    lead: str | None = None
    """Of a team mate: the id of the session that leads it."""

    @property
    def active_at(self) -> float:
        """When the session last did something that its client noted."""
        return max(self.started_at, self.updated_at)


@dataclass(frozen=True, slots=True)
class Problem:
    """A registry file that was not believed."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """The live sessions of one client, and what was passed over."""

    sessions: tuple[Session, ...]
    problems: tuple[Problem, ...]
    mates: tuple[Session, ...] = ()
    """Team mates of these sessions: they get what is for their own addresses, and nothing else."""


class Rereads(Protocol):
    """Something that can tell how a session is now."""

    def reread(self, session: Session) -> Session | None:
        """The same process's session, perhaps with another session_id; None when it has ended."""
        ...


class Unreachable(Exception):
    """Nothing was written to the session: the same message may be offered again."""


class OutOfReach(Unreachable):
    """Its inbox takes no connection at this moment; the session may be there all the same."""


class UnknownOutcome(Exception):
    """The message may have arrived: look into the transcript before it is offered again."""
