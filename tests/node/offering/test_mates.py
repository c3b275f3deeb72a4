"""Team mates have addresses of their own; their mail is theirs alone. The client is pretended: this process."""

import asyncio
import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from multifleet.core.receipts import State
from multifleet.errors import UnknownSeat
from multifleet.node.offering import following as following_module
from multifleet.sessions.base import Session
from multifleet.sessions.claude_teams import mate_key
from multifleet.sessions.seeds import SeedBox
from tests.node.fleet import until
from tests.node.offering.pretended import Pretended
from tests.node.offering.stage import Stage
from tests.sessions.records import SESSION_ID
from tests.sessions.teams import member, transcript_of, write_team

TO = "mac2/project.scout"
KEY = mate_key("session-85f25b7e", "scout")


def team(claude: Pretended, *names: str) -> None:
    write_team(claude.config, SESSION_ID, *(member(name) for name in names))


def seed(stage: Stage, key: str = KEY) -> str:
    """What the hook of a mate would show now."""
    try:
        return (stage.mac2.home / "seeds" / key / "next").read_text()
    except FileNotFoundError:
        return ""


def idle(stage: Stage) -> str:
    """The hook takes what lies ready, as it does when its mate goes idle."""
    folder = stage.mac2.home / "seeds" / KEY
    (folder / "next").rename(folder / "woke.77")
    (taken,) = SeedBox(stage.mac2.home).taken(KEY)
    return str(json.loads(f'"{taken.fragment}"'))


class Written:
    """The transcript of a mate."""

    def __init__(self, claude: Pretended) -> None:
        self.path: Path = transcript_of(claude.transcript, "scout")
        self.path.touch()

    def add(self, uuid: str, parent: str | None, **more: Any) -> None:
        record = {"parentUuid": parent, "uuid": uuid, "isSidechain": True, "entrypoint": "cli", **more}
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def shown(self, text: str) -> None:
        message = {"role": "user", "content": f"TeammateIdle hook feedback:\n[/bin/sh x]: {text}"}
        self.add("u1", None, type="user", isMeta=True, message=message)

    def answers(self, text: str) -> None:
        message = {"id": "m1", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
        self.add("a1", "u1", type="assistant", message=message)


async def test_a_mate_is_listed_beside_its_lead_and_each_gets_its_own_mail(stage: Stage) -> None:
    async with stage.pretended() as claude:
        team(claude, "scout", "tester")
        written = Written(claude)
        await stage.send("MARK-FOR-LEAD")
        id = await stage.send("MARK-FOR-MATE", TO)
        await until(lambda: "MARK-FOR-MATE" in seed(stage))
        await claude.offered()
        own = (await stage.node.sessions_view(True)).sessions
        assert [(one.seat, one.mate_of) for one in own] == [
            ("project", None),
            ("project.scout", SESSION_ID),
            ("project.tester", SESSION_ID),
        ]
        cards = (await stage.node.own_cards.told()).cards
        assert [(card.seat, card.mate) for card in cards] == [
            ("project", False),
            ("project.scout", True),
            ("project.tester", True),
        ]
        facts = await stage.node.facts.look()
        assert facts.sessions == 3 and {*facts.seats} == {card.seat for card in cards}
        text = idle(stage)
        assert "MARK-FOR-MATE" in text and "MARK-FOR-LEAD" not in text
        written.shown(text)
        await stage.mac1.wait(id, State.OFFERED)
        written.answers("I have it")
        story = await stage.mac1.wait(id, State.ANSWERED)
        assert [event.state for event in story.events] == ["queued", "stored", "offered", "seen", "answered"]
        assert story.events[-1].detail == "I have it"
        assert "MARK-FOR-MATE" not in str(claude.lines) and len(claude.lines) == 1


async def test_a_look_that_began_before_a_mate_came_does_not_take_its_address_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage.pretended() as claude:
        live, loop, known = stage.node.offering.live, asyncio.get_running_loop(), list[bool]()
        await live.find()
        look = live._teams.mates

        async def comes() -> None:
            team(claude, "scout")
            known.append(live.is_address("project.scout"))

        def look_and_stay(sessions: Iterable[Session]) -> tuple[Session, ...]:
            found = look(sessions)
            if threading.current_thread() is not threading.main_thread() and not known:
                asyncio.run_coroutine_threadsafe(comes(), loop).result(60)
            return found

        monkeypatch.setattr(live._teams, "mates", look_and_stay)
        await live.find()
        assert known == [True] and live.mates.at("project.scout") is not None


@pytest.mark.parametrize("has_transcript", [True, False])
async def test_what_a_mates_hook_took_is_never_shown_again_and_no_more_is_said_than_that(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, has_transcript: bool
) -> None:
    monkeypatch.setattr(following_module, "WOKEN_LATE", 0.1)
    async with stage.pretended() as claude:
        team(claude, "scout")
        if has_transcript:
            Written(claude)
        id = await stage.send("MARK-FOR-MATE", TO)
        await until(lambda: seed(stage))
        idle(stage)
        story = await stage.mac1.wait(id, State.OFFERED)
        assert story.events[-1].detail == following_module.TO_MATE
        await until(lambda: not stage.node.offering.offers)
        other = await stage.send("MARK-LATER", TO)
        await until(lambda: "MARK-LATER" in seed(stage))
        assert "MARK-FOR-MATE" not in seed(stage)
        assert (await stage.row(id)).state == State.OFFERED and (await stage.row(other)).state == State.OFFERING


async def test_the_rules_of_its_leads_seat_hold_for_a_mate(stage: Stage) -> None:
    async with stage.pretended() as claude:
        team(claude, "scout")
        await stage.node.rules.allow("project", "mac1", "context")
        refused = await stage.send("MARK-TASK", TO, type="task", thread="other")
        await stage.mac1.wait(refused, State.REFUSED)
        first = await stage.send("MARK-FIRST", TO)
        await until(lambda: "MARK-FIRST" in seed(stage))
        await stage.node.seat_dnd("project", None, False)
        assert not seed(stage), "what lay ready is taken back"
        second = await stage.send("MARK-SECOND", TO)
        story = await stage.mac1.wait(second, State.STORED)
        assert "disturb" in (story.events[-1].detail or "")
        (mate,) = [one for one in (await stage.node.sessions_view(True)).sessions if one.mate_of]
        assert mate.dnd
        await stage.node.seat_dnd("project", None, True)
        await until(lambda: "MARK-SECOND" in seed(stage) and "MARK-FIRST" in seed(stage))
        await stage.node.stops.decide("project", everywhere=False, undo=False)
        assert not seed(stage)
        third = await stage.send("MARK-THIRD", TO)
        story = await stage.mac1.wait(third, State.STORED)
        assert "stopped" in (story.events[-1].detail or "")
        await stage.node.stops.decide("project", everywhere=False, undo=True)
        await until(lambda: "MARK-THIRD" in seed(stage))
        assert (await stage.row(first)).state == State.OFFERING and not claude.lines


@pytest.mark.parametrize("restarted", [False, True])
async def test_mail_for_a_mate_that_ends_is_refused_and_shown_to_nobody(stage: Stage, restarted: bool) -> None:
    async with stage.pretended() as claude:
        team(claude, "scout")
        id = await stage.send("MARK-FOR-MATE", TO)
        await until(lambda: seed(stage))
        team(claude)
        if restarted:
            await stage.killed_and_started()
        await until(lambda: not seed(stage))
        await until(lambda: not stage.node.offering.offers)
        stage.mac2.time.pass_(60.0)
        stage.node.offering.wake()
        story = await stage.mac1.wait(id, State.REFUSED)
        assert "project.scout has ended: write to mac2/project" in (story.events[-1].detail or "")
        late = await stage.send("MARK-LATE", TO)
        story = await stage.mac1.wait(late, State.REFUSED)
        assert "has ended" in (story.events[-1].detail or "")
        with pytest.raises(UnknownSeat, match="has ended"):
            await stage.node.sending.send(TO, "of this machine")
        assert not claude.lines and not seed(stage)


async def test_a_seat_of_that_name_is_the_users_own_and_the_mate_has_another(stage: Stage) -> None:
    (stage.folder / "home/other").mkdir()
    await stage.node.seats.bind("project.scout", str(stage.folder / "home/other"), False)
    async with stage.pretended() as claude:
        team(claude, "scout", "Scout")
        await stage.send("MARK-FOR-MATE", "mac2/project.scout-2")
        await stage.send("MARK-FOR-OTHER", "mac2/project.scout-3")
        kept = await stage.send("MARK-FOR-SEAT", TO)
        await until(lambda: "MARK-FOR-MATE" in seed(stage))
        await until(lambda: "MARK-FOR-OTHER" in seed(stage, mate_key("session-85f25b7e", "Scout")))
        await stage.mac1.wait(kept, State.STORED)
        assert "MARK-FOR-SEAT" not in seed(stage) and not claude.lines
