"""What a node tells of itself: where its work is, who sits there, and how much room there is."""

import asyncio
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from multifleet.core.presence.gossip import SEATS_SHOWN
from multifleet.node.presence import facts
from multifleet.node.presence.facts import BRANCH, OwnFacts
from multifleet.sessions.base import Found, Session, Status

COMMIT = "0123456789abcdef0123456789abcdef01234567"
IDLE = Session(
    client="claude",
    session_id="00000000-0000-4000-8000-000000000000",
    pid=1,
    proc_start="",
    cwd="/",
    name="",
    status=Status.IDLE,
    version="",
    entrypoint="cli",
    socket=None,
    transcript=None,
    started_at=0.0,
    updated_at=0.0,
    kind="",
)


@dataclass
class Seats:
    """Seats named after their folders."""

    folders: dict[str, str] = field(default_factory=dict)
    default: str | None = None

    def known_for(self, folder: str) -> str | None:
        """None where nobody ever sat."""
        return None if "script" in folder else Path(folder).name


@dataclass
class Live:
    """The sessions of a machine that has none."""

    sessions: list[Session] = field(default_factory=list)
    seats: Seats = field(default_factory=Seats)
    looks: int = 0
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def find(self) -> Found:
        """They."""
        self.looks += 1
        self.looked.set()
        return Found(tuple(self.sessions), ())

    def address_of(self, session: Session) -> str | None:
        """There are no mates."""
        return self.seats.known_for(session.cwd)

    def sit(self, folder: Path, at: float) -> None:
        """One more session."""
        self.sessions.append(replace(IDLE, cwd=str(folder), pid=len(self.sessions) + 1, updated_at=at))


@pytest.fixture
def live() -> Live:
    """Of this machine."""
    return Live()


@pytest.fixture
def own(live: Live, tmp_path: Path) -> OwnFacts:
    """Of a node whose home is on the disk of the tests."""
    return OwnFacts(tmp_path, "1.2.3", live)  # type: ignore[arg-type]


def repository(folder: Path, branch: str) -> Path:
    """A folder on a branch."""
    git = folder / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
    (git / "refs" / "heads" / branch).write_text(f"{COMMIT}\n")
    return folder


async def test_a_machine_without_sessions_says_its_version_load_and_room(own: OwnFacts, tmp_path: Path) -> None:
    told = await own.look()
    assert (told.version, told.branch, told.commit, told.sessions, told.seats) == ("1.2.3", "", "", 0, [])
    found = os.statvfs(tmp_path)
    assert told.disk == pytest.approx(found.f_bavail * found.f_frsize / 1e6, rel=0.1)
    assert told.load >= 0
    assert own.told() == told


async def test_the_branch_is_that_of_the_session_that_did_something_last(
    own: OwnFacts, live: Live, tmp_path: Path
) -> None:
    live.sit(repository(tmp_path / "web", "old"), at=5.0)
    live.sit(repository(tmp_path / "api", "fix-login"), at=9.0)
    live.seats = Seats({"docs": str(repository(tmp_path / "docs", "main"))}, default="docs")
    told = await own.look()
    assert (told.branch, told.commit, told.sessions, told.seats) == ("fix-login", COMMIT[:12], 2, ["api", "web"])


async def test_a_session_without_a_seat_gets_none_by_being_told_of(own: OwnFacts, live: Live, tmp_path: Path) -> None:
    live.sit(tmp_path / "script", at=1.0)
    told = await own.look()
    assert (told.sessions, told.seats, told.doing) == (1, [], "i")


async def test_without_a_session_it_is_that_of_the_default_seat(own: OwnFacts, live: Live, tmp_path: Path) -> None:
    live.seats = Seats({"docs": str(repository(tmp_path / "docs", "main"))}, default="docs")
    assert (await own.look()).branch == "main"
    live.seats.default = None
    assert (await own.look()).branch == ""


async def test_what_is_told_is_bounded(own: OwnFacts, live: Live, tmp_path: Path) -> None:
    live.sit(repository(tmp_path / "long", "x" * 200), at=99.0)
    for number in range(20):
        live.sit(tmp_path / f"seat-{number}", at=float(number))
        live.sit(tmp_path / f"seat-{number}", at=float(number))
    told = await own.look()
    assert len(told.branch) == BRANCH
    assert told.sessions == 41
    assert told.seats == ["long", "seat-19", "seat-18", "seat-17"] and len(told.seats) == SEATS_SHOWN


async def test_what_cannot_be_found_out_is_left_out(
    own: OwnFacts, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> tuple[float, float, float]:
        raise OSError("not here")

    monkeypatch.setattr(os, "getloadavg", fails)
    live.sit(tmp_path / "gone", at=1.0)
    told = await own.look()
    assert (told.load, told.branch, told.sessions) == (0.0, "", 1)
    assert facts.free_megabytes(tmp_path / "gone") == 0


async def test_nobody_looks_while_nobody_is_told(own: OwnFacts, live: Live) -> None:
    assert own.told() is None
    live.sit(Path("/"), at=1.0)
    for _ in range(3):
        await own.look_if_wanted()
    assert live.looks == 1
    told = own.told()
    assert told is not None and told.sessions == 1
    await own.look_if_wanted()
    assert live.looks == 2


async def test_who_is_told_after_a_quiet_while_leads_to_a_look_at_once(own: OwnFacts, live: Live) -> None:
    live.looked = asyncio.Event()
    running = asyncio.create_task(own.run())
    try:
        async with asyncio.timeout(facts.EVERY / 2):
            for looks in (1, 2):
                await live.looked.wait()
                live.looked.clear()
                assert live.looks == looks
                own.told()
    finally:
        running.cancel()
