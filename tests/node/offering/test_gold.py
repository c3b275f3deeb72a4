"""However many ask what a session is about, its transcript is read by one at a time, and not again for a while."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from multifleet.node.clock import Clocks, NodeClock
from multifleet.node.offering import gold as module
from multifleet.node.offering.gold import EVERY, Golds


class Disk:
    """Transcripts that are counted when they are read."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.now = 100.0

    def gold_of(self, transcript: Path, branch: str) -> tuple[str, ...]:
        self.read.append(transcript.stem)
        return (transcript.stem,)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(module, "gold_of", disk.gold_of)
    return disk


@pytest.fixture
def golds(disk: Disk, tmp_path: Path) -> Golds:
    now: Callable[[], float] = lambda: disk.now  # noqa: E731
    return Golds(tmp_path, NodeClock.start(Clocks(now, now), 0.0))


async def test_a_crowd_that_asks_at_once_has_it_read_once(golds: Golds, disk: Disk, tmp_path: Path) -> None:
    asked = [golds.words_of(session, str(tmp_path)) for session in ("s1", "s2") * 50]
    assert await asyncio.gather(*asked) == [("s1",), ("s2",)] * 50
    assert disk.read == ["s1", "s2"]


async def test_it_is_read_again_after_a_while(golds: Golds, disk: Disk, tmp_path: Path) -> None:
    for seconds in (0, EVERY / 2, EVERY):
        disk.now += seconds
        await golds.words_of("s1", str(tmp_path))
    assert disk.read == ["s1", "s1"]


async def test_of_so_many_sessions_it_is_kept(
    golds: Golds, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(module.KEPT + 9):
        await golds.words_of(f"s{number}", str(tmp_path))
    assert len(golds._found) == module.KEPT
