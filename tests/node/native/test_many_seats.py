"""Two hundred remote seats in the real Claude Code: its list has each of them once and under its name, those that go
are gone from it, and while nothing changes nothing is written and next to nothing done.
"""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from multifleet.core.presence.gossip import Facts
from multifleet.core.presence.peer import Peer
from multifleet.core.presence.states import PresenceState
from multifleet.core.session_cards import SessionCard
from multifleet.node.native.presence import AGAIN, EVERY, NativePresence
from multifleet.node.native.told import seats_of
from multifleet.sessions.mock_messages_api import Answer
from tests.node.fleet import Machines
from tests.node.native.test_real_claude import results
from tests.node.offering.stage import Stage, stage_in
from tests.sessions.real_claude import RealClaude, until

pytestmark = [pytest.mark.real_claude, pytest.mark.timeout(300)]

SEATS = {f"node-{n:02}": {f"seat-{m}": "idle" for m in range(4)} for n in range(50)}
FACTS = Facts(
    version="1", branch="main", commit="0" * 12, sessions=4, seats=[*SEATS["node-00"]], load=0.0, disk=0, doing="iiii"
)
PEERS = [Peer(node, 0.0, PresenceState.ALIVE, facts=FACTS) for node in SEATS]
CARDS = {node: tuple(SessionCard(seat=seat, client="claude", state="idle") for seat in SEATS[node]) for node in SEATS}
"""What the machines tell of these seats."""
LEFT = {"node-12": {"seat-1": "", "seat-3": "busy"}} | {node: SEATS[node] for node in SEATS if node > "node-12"}
"""Twelve machines and two seats of one less."""
LOOKS = 20
"""Made while nothing changes."""
IDLE = 0.004
"""Of one processor: what a daemon may use at the most while nothing happens."""


@pytest.fixture
async def stage(tmp_path: Path, fleet: Machines, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr("multifleet.node.native.presence.EVERY", 0.1)
    async with stage_in(tmp_path, fleet) as stage:
        yield stage


def addresses(seats: dict[str, dict[str, str]]) -> list[str]:
    return sorted(f"{node}/{seat}" for node, names in seats.items() for seat in names)


async def pages_shown(stage: Stage, claude: RealClaude, name: str) -> list[str]:
    """The rows of all pages of the client's list, as its model asks for one after the other."""
    pages: list[str] = []
    cursor = ""
    while cursor or not pages:
        question = f"{name} page {len(pages)}"
        tools = (("ListAgents", {"cursor": cursor} if cursor else {}),)
        stage.api.when(question, Answer(tools=tools), once=True)
        before = len(stage.api.requests)
        await claude.wait_status("idle")
        await claude.prompt(question)
        page = await until(lambda before=before: result_after(stage, before), what=question)
        pages += re.findall(r"node-\d+/seat-\d+(?= \[)", page)
        found = re.search(r'cursor="([^"]+)"', page)
        cursor = found.group(1) if found else ""
    return pages


def result_after(stage: Stage, before: int) -> str:
    """What the tool answered, once the model was told that beyond the first so many requests."""
    return str(list(results(stage))[-1]) if len(stage.api.requests) > before + 1 else ""


def written(stage: Stage) -> dict[str, tuple[int, int]]:
    """The files of native presence, each with what changes when it is written again."""
    sessions = (stage.folder / "home/.claude/sessions").glob("*.json")
    files = [path for path in sessions if '"multifleet:' in path.read_text()]
    found = {path.name: path.stat() for path in [*files, stage.mac2.home / "native.json"]}
    return {name: (one.st_ino, one.st_mtime_ns) for name, one in found.items()}


class Looks:
    """Counts how often the node looks whether its records are in step."""

    def __init__(self, presence: NativePresence) -> None:
        self.count = 0
        self._look = presence.look
        presence.look = self._counted  # type: ignore[method-assign]

    async def _counted(self) -> None:
        await self._look()
        self.count += 1


async def looked_anew(presence: NativePresence) -> None:
    """As after so many seconds in which nothing told of a change."""
    presence._again = 0.0
    await presence.look()


async def processor_of(look: Callable[[], Awaitable[None]]) -> float:
    """Seconds of a processor for a look; of several the one beside which the process had least else to do."""
    took = []
    for _ in range(7):
        began = time.process_time()
        await look()
        took.append(time.process_time() - began)
    return min(took)


async def test_all_are_listed_under_their_names_until_they_go_and_nothing_is_written_meanwhile(
    stage: Stage,
) -> None:
    presence = stage.node.native.presence
    presence._nodes = lambda: seats_of([peer.shown() for peer in PEERS], CARDS)
    async with stage.claude("project") as claude:
        await until(lambda: len(presence.listed) == 200)
        assert sorted(await pages_shown(stage, claude, "all")) == addresses(SEATS)
        before, looks = written(stage), Looks(presence)
        assert len(before) == 201
        await until(lambda: looks.count >= LOOKS)
        assert written(stage) == before
        short = await processor_of(presence.look)
        whole = await processor_of(lambda: looked_anew(presence))
        assert written(stage) == before
        assert whole / AGAIN + short / EVERY <= IDLE
        presence._nodes = lambda: LEFT
        await until(lambda: len(presence.listed) == 150)
        await claude.wait_status("idle")
        assert sorted(await pages_shown(stage, claude, "left")) == addresses(LEFT)
