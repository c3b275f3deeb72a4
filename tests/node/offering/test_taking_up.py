"""The real client takes up what is stored: idle, busy, later, one of several, in order, and never twice."""

import json
import os
import time

import pytest

from multifleet.core.packets import BATCH_BYTES, BODY_LIMIT
from multifleet.core.receipts import State
from multifleet.sessions.mock_messages_api import Answer
from tests.node.offering.stage import IDLE_WAKE, Stage
from tests.sessions.real_claude import RealClaude, until
from tests.sessions.test_real_claude import opened_for_writing
from tests.starved import Starving

pytestmark = [pytest.mark.real_claude, pytest.mark.timeout(300)]


@pytest.mark.beside_one
async def test_an_idle_session_takes_it_up_by_itself_within_a_second(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        await until(lambda: stage.node.seats.rows)
        stage.api.when("MARK-IDLE", Answer(text="I rebase now"))
        await claude.keys("-l", "half a draft")
        await claude.wait_screen("half a draft")
        starving = Starving(claude.session.pid, os.getpid())
        id = await stage.send("MARK-IDLE rebase")
        assert await stage.api.wait_for("MARK-IDLE", 60.0)
        asked_at, waited = time.time(), starving.seconds
        assert await stage.took_up(id, asked_at) - waited <= IDLE_WAKE
        story = await stage.mac1.wait(id, State.ANSWERED)
        assert [event.state for event in story.events] == ["queued", "stored", "offered", "seen", "answered"]
        assert story.events[-1].detail == "I rebase now"
        assert stage.times_shown("MARK-IDLE") == 1
        assert not stage.api.given("half a draft") and "half a draft" in await claude.shown()


async def test_a_busy_session_reads_it_between_two_tool_calls(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        os.mkfifo(claude.folder / "waits")
        work = Answer(tools=(("Bash", {"command": "cat waits", "description": "-"}),))
        stage.api.when("WORK", work, once=True)
        await claude.prompt("WORK on it")
        writer = await until(lambda: opened_for_writing(claude.folder / "waits"))
        id = await stage.send("MARK-BUSY meanwhile")
        await stage.mac1.wait(id, State.OFFERED)
        assert not stage.api.given("MARK-BUSY")
        os.write(writer, b"the tool is done")
        os.close(writer)
        await stage.mac1.wait(id, State.SEEN)
        first = next(body for body in stage.api.requests if "MARK-BUSY" in str(body["messages"]))
        assert "the tool is done" in str(first["messages"]), "in the request that follows the tool"
        await claude.wait_status("idle")
        assert stage.times_shown("MARK-BUSY") == 1
        assert "answered" not in await stage.states(id), "the turn was the user's own"


async def test_a_session_that_starts_later_finds_it(stage: Stage) -> None:
    id = await stage.send("MARK-LATER for tomorrow")
    await stage.mac1.wait(id, State.STORED)
    async with stage.served(), stage.claude("project", hooks=True) as claude:
        await stage.mac1.wait(id, State.ANSWERED)
        await claude.prompt("a second prompt")
        assert await stage.api.wait_for("a second prompt", 60.0)
        assert stage.times_shown("MARK-LATER") == 1
        assert stage.conversations_with("MARK-LATER") == 1


async def test_a_single_question_finds_it_by_the_hook_of_its_start_and_the_next_one_does_not(stage: Stage) -> None:
    id = await stage.send("MARK-SINGLE for whoever asks next")
    await stage.mac1.wait(id, State.STORED)
    async with stage.served():
        claude = stage.claude("project", hooks=True)
        answer = await claude.ask("good morning", *claude.arguments)
        assert (answer["returncode"], answer["is_error"]) == (0, False)
        assert stage.times_shown("MARK-SINGLE") == 1
        await stage.mac1.wait(id, State.SEEN)
        before = len(stage.api.requests)
        await claude.ask("good evening", *claude.arguments)
        assert "MARK-SINGLE" not in str(stage.api.requests[before:])


def is_later(one: RealClaude, other: RealClaude) -> bool:
    """Whether the client noted the first one's last activity after the other's."""
    now, then = one.now(), other.now()
    return now is not None and then is not None and now.status == "idle" and now.active_at > then.active_at


async def test_of_two_sessions_on_a_seat_the_one_that_was_active_last_gets_it(stage: Stage) -> None:
    async with stage.claude("project") as first, stage.claude("project") as second:
        await stage.talk(first, "hello from the first")
        await until(lambda: is_later(first, second))
        id = await stage.send("MARK-ONE of you")
        await stage.mac1.wait(id, State.ANSWERED)
        assert (await stage.row(id)).session == first.session.session_id
        await stage.talk(second, "hello from the second")
        await until(lambda: is_later(second, first))
        other = await stage.send("MARK-TWO of you")
        await stage.mac1.wait(other, State.ANSWERED)
        assert (await stage.row(other)).session == second.session.session_id
        assert stage.times_shown("MARK-ONE") == stage.times_shown("MARK-TWO") == 1
        assert stage.conversations_with("MARK-ONE") == 1


async def test_a_message_for_the_node_goes_to_the_default_seat_and_else_to_one_session(stage: Stage) -> None:
    async with stage.claude("project"), stage.claude("other") as other:
        id = await stage.send("MARK-ANY of you", "mac2")
        await stage.mac1.wait(id, State.SEEN)
        assert stage.conversations_with("MARK-ANY") == 1
        await stage.node.seats.bind("other", str(other.folder), True)
        id = await stage.send("MARK-DEFAULT seat", "mac2")
        await stage.mac1.wait(id, State.SEEN)
        assert (await stage.row(id)).session == other.session.session_id


async def test_what_waits_as_a_crowd_comes_in_its_order_and_none_is_lost(stage: Stage) -> None:
    ids = [await stage.send(f"CROWD-{n:02}-END", thread="t") for n in range(26)]
    for id in ids:
        await stage.mac1.wait(id, State.STORED)
    async with stage.claude("project"):
        for id in ids:
            await stage.mac1.wait(id, State.SEEN, 60.0)
        shown = str(stage.api.requests[-1]["messages"])
        places = [shown.index(f"CROWD-{n:02}-END") for n in range(26)]
        assert places == sorted(places)
        assert all(shown.count(f"CROWD-{n:02}-END") == 1 for n in range(26))
        assert "rate-limited" not in str(stage.node.counters.snapshot())


async def test_a_busy_session_is_not_given_more_at_once_than_its_inbox_takes_and_none_is_lost(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        os.mkfifo(claude.folder / "waits")
        work = Answer(tools=(("Bash", {"command": "cat waits", "description": "-"}),))
        stage.api.when("WORK", work, once=True)
        await claude.prompt("WORK on it")
        writer = await until(lambda: opened_for_writing(claude.folder / "waits"))
        ids = []
        for n in range(40):
            ids.append(await stage.send(f"BUSY-{n:02}-END", thread="t"))
            if n < 30:
                await stage.mac1.wait(ids[-1], State.STORED)
                await until(lambda: not stage.node.offering._news.is_set())
        await stage.mac1.wait(ids[24], State.OFFERED)
        os.write(writer, b"the tool is done")
        os.close(writer)
        for id in ids:
            await stage.mac1.wait(id, State.SEEN, 60.0)
        shown = str(stage.api.requests[-1]["messages"])
        places = [shown.index(f"BUSY-{n:02}-END") for n in range(40)]
        assert places == sorted(places)
        assert all(shown.count(f"BUSY-{n:02}-END") == 1 for n in range(40))
        assert not any(row.detail and "dropped" in row.detail for row in await stage.mac2.received())


@pytest.mark.parametrize("unit", ["x", "\x00", "\U0001f680", "é", "\\"], ids=["plain", "control", "wide", "two", "bs"])
async def test_a_body_at_the_limit_is_read(stage: Stage, unit: str) -> None:
    escaped = len(json.dumps(unit, ensure_ascii=False)) - 2
    count = min(BODY_LIMIT // len(unit.encode()), (BATCH_BYTES - 2_000) // escaped)
    async with stage.claude("project"):
        id = await stage.send(unit * count)
        await stage.mac1.wait(id, State.SEEN, 60.0)
        assert "part_failed" not in str(stage.node.counters.snapshot())


async def test_bodies_that_together_exceed_the_line_of_an_inbox_come_one_after_the_other(stage: Stage) -> None:
    ids = [await stage.send(f"WIDE-{n} " + "é" * 100_000) for n in range(4)]
    for id in ids:
        await stage.mac1.wait(id, State.STORED)
    async with stage.claude("project"):
        for id in ids:
            await stage.mac1.wait(id, State.SEEN, 60.0)
        assert [stage.times_shown(f"WIDE-{n} ") for n in range(4)] == [1, 1, 1, 1]
        assert "part_failed" not in str(stage.node.counters.snapshot())


async def test_what_may_wait_does_not_wake_an_idle_session_and_is_shown_with_the_next_prompt(stage: Stage) -> None:
    settings = stage.folder / "home/.claude/settings.json"
    async with stage.served(), stage.claude("project", hooks=True) as claude:
        script = str(stage.folder / "plugin/hooks/hand-over.sh").replace("plugin/", "multifleet/")
        entry = [{"hooks": [{"type": "command", "command": f"true {script}"}]}]
        events = {event: entry for event in ("SessionStart", "UserPromptSubmit", "Stop")}
        settings.write_text(json.dumps({"hooks": events}))
        id = await stage.send("MARK-WHENEVER", urgency="whenever")
        now = await stage.send("MARK-NOW")
        await stage.mac1.wait(now, State.ANSWERED)
        await claude.wait_status("idle")
        await stage.mac1.wait(id, State.OFFERED, 30.0)
        await stage.mac1.wait(id, State.SEEN)
        assert stage.times_shown("MARK-WHENEVER") == 1
