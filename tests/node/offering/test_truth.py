"""What is stated is so: seen by the transcript alone, held and refused by the client; and what lost sessions leave."""

import json
import os
import signal

import pytest

from multifleet.core.receipts import State
from multifleet.sessions.mock_messages_api import Answer
from tests.node.fleet import until as soon
from tests.node.offering.stage import Stage
from tests.sessions.real_claude import until
from tests.sessions.test_real_claude import opened_for_writing

pytestmark = [pytest.mark.real_claude, pytest.mark.timeout(300)]


def turns_of(stage: Stage) -> int:
    """How many requests were for a turn: one without tools is the client's own, for a title or the like."""
    return sum(bool(body.get("tools")) for body in stage.api.requests)


async def test_an_api_error_is_not_seen_until_a_later_turn_is_good(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        stage.api.when("MARK-ERROR(?!.*go on)", Answer(status=400))
        id = await stage.send("MARK-ERROR")
        await stage.mac1.wait(id, State.OFFERED)
        await claude.wait_screen("API Error")
        await claude.wait_status("idle")
        assert "seen" not in await stage.states(id)
        await claude.prompt("go on")
        await stage.mac1.wait(id, State.SEEN)
        assert "answered" not in await stage.states(id), "that turn answers the user"
        assert stage.times_shown("MARK-ERROR") == 1


async def test_a_conversation_that_is_compacted_before_a_good_turn_has_seen_it_with_its_summary(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        await stage.talk(claude, "hello")
        stage.api.when("MARK-ERROR(?!.*summary)", Answer(status=400))
        id = await stage.send("MARK-ERROR")
        await claude.wait_screen("API Error")
        await claude.wait_status("idle")
        await claude.prompt("/compact")
        await claude.wait_screen("ompacted")
        assert "MARK-ERROR" in str(stage.api.requests[-1]["messages"]), "the summary is made of it too"
        await stage.talk(claude, "go on")
        await stage.mac1.wait(id, State.SEEN)


async def test_an_interrupted_turn_is_not_seen(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        stage.api.when("MARK-ESCAPE", Answer(text="too late", delay=60.0))
        id = await stage.send("MARK-ESCAPE")
        assert await stage.api.wait_for("MARK-ESCAPE", 60.0)
        await stage.mac1.wait(id, State.OFFERED)
        await claude.keys("Escape")
        await claude.wait_screen("Interrupted")
        await claude.wait_status("idle")
        assert not {"seen", "answered"} & set(await stage.states(id))
        assert (await stage.row(id)).state == State.OFFERED


async def test_a_session_killed_before_its_turn_leaves_it_to_the_next_one(stage: Stage) -> None:
    stage.api.when("MARK-DIES", Answer(text="too late", delay=60.0), once=True)
    async with stage.claude("project") as first, stage.claude("project") as second:
        id = await stage.send("MARK-DIES")
        assert await stage.api.wait_for("MARK-DIES", 60.0)
        await stage.mac1.wait(id, State.OFFERED)
        taker = (await stage.row(id)).session
        doomed, heir = (first, second) if first.session.session_id == taker else (second, first)
        os.kill(doomed.session.pid, signal.SIGKILL)
        await stage.mac1.wait(id, State.ANSWERED)
        assert (await stage.row(id)).session == heir.session.session_id
        assert stage.conversations_with("MARK-DIES") == 2 and stage.times_shown("MARK-DIES") == 1


async def test_a_session_that_is_left_with_something_queued_gives_it_back(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        stage.api.when("LONG", Answer(text="long", delay=60.0))
        await claude.prompt("LONG thought")
        assert await stage.api.wait_for("LONG thought", 60.0)
        id = await stage.send("MARK-QUEUED")
        await stage.mac1.wait(id, State.OFFERED)
        old = claude.session.session_id
        os.kill(claude.session.pid, signal.SIGTERM)
        await until(lambda: claude.now() is None, 60.0)
        # at once again, as the same conversation
        async with stage.claude("project", "--resume", old) as again:
            assert again.session.session_id == old
            await stage.mac1.wait(id, State.SEEN)
            assert stage.times_shown("MARK-QUEUED") == 1


async def test_a_conversation_that_is_cleared_before_its_turn_leaves_it_to_the_new_one(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        stage.api.when("MARK-CLEAR", Answer(text="too late", delay=60.0), once=True)
        id = await stage.send("MARK-CLEAR")
        assert await stage.api.wait_for("MARK-CLEAR", 60.0)
        await claude.keys("Escape")
        await claude.wait_screen("Interrupted")
        await claude.wait_status("idle")
        await claude.prompt("/clear")
        await stage.mac1.wait(id, State.ANSWERED)
        now = claude.now()
        assert now is not None and now.session_id != claude.session.session_id
        assert (await stage.row(id)).session == now.session_id
        assert stage.times_shown("MARK-CLEAR") == 1


async def test_after_seen_a_session_that_is_killed_shows_it_nowhere_else(stage: Stage) -> None:
    work = Answer(text="I begin", tools=(("Bash", {"command": "cat waits", "description": "-"}),))
    stage.api.when("MARK-SEEN", work, once=True)
    async with stage.claude("project") as claude:
        os.mkfifo(claude.folder / "waits")
        id = await stage.send("MARK-SEEN")
        writer = await until(lambda: opened_for_writing(claude.folder / "waits"))
        await stage.mac1.wait(id, State.SEEN)
        os.kill(claude.session.pid, signal.SIGKILL)
        await until(lambda: not stage.node.offering.offers, 60.0, "nothing is expected of it any more")
        os.close(writer)
    async with stage.claude("project") as second:
        await stage.talk(second, "good morning")
        assert stage.conversations_with("MARK-SEEN") == 1
        assert (await stage.row(id)).state == State.SEEN


@pytest.mark.parametrize(("choice", "end"), [("Deliver this message", State.SEEN), ("Deny", State.REFUSED)])
async def test_a_session_that_bypasses_permissions_holds_it_for_its_user(stage: Stage, choice: str, end: State) -> None:
    async with stage.claude("project", mode="bypassPermissions") as claude:
        id = await stage.send("MARK-HELD")
        await stage.mac1.wait(id, State.HELD)
        assert not stage.api.given("MARK-HELD")
        await claude.wait_screen("Deliver this message")
        await claude.choose(choice)
        await stage.mac1.wait(id, end)
        assert stage.times_shown("MARK-HELD") == (1 if end is State.SEEN else 0)
        assert ("seen" in await stage.states(id)) == (end is State.SEEN)


async def test_a_held_message_is_asked_about_once_though_the_daemon_is_killed(stage: Stage) -> None:
    async with stage.claude("project", mode="bypassPermissions") as claude:
        id = await stage.send("MARK-HELD")
        await stage.mac1.wait(id, State.HELD)
        await claude.wait_screen("Deliver this message")
        await stage.killed_and_started()
        assert (await stage.row(id)).state == State.HELD
        await claude.choose("Deliver this message")
        await stage.mac1.wait(id, State.ANSWERED)
        assert stage.times_shown("MARK-HELD") == 1 and stage.conversations_with("MARK-HELD") == 1
        id = await stage.send("MARK-DENIED")
        await stage.mac1.wait(id, State.HELD)
        await claude.wait_screen("Deliver this message")
        await stage.killed()
        await claude.choose("Deny")
        turns = turns_of(stage)
        await stage.mac2.start()
        story = await stage.mac1.wait(id, State.REFUSED)
        assert "holds it no more" in (story.events[-1].detail or "")
        assert not stage.api.given("MARK-DENIED")
        assert turns_of(stage) == turns, "its model was asked nothing"


async def test_a_session_that_ends_with_a_held_message_leaves_it_to_another(stage: Stage) -> None:
    async with stage.claude("project", mode="bypassPermissions") as claude:
        id = await stage.send("MARK-LEFT")
        await stage.mac1.wait(id, State.HELD)
        await claude.wait_screen("Deliver this message")
        os.kill(claude.session.pid, signal.SIGTERM)
        await soon(lambda: not stage.node.offering.offers)
    async with stage.claude("project"):
        await stage.mac1.wait(id, State.ANSWERED)
        assert stage.times_shown("MARK-LEFT") == 1


async def test_a_session_whose_user_wants_no_messages_refuses(stage: Stage) -> None:
    (stage.folder / "home/.claude").mkdir()
    (stage.folder / "home/.claude/settings.json").write_text(json.dumps({"crossSessionInbound": "refuse"}))
    async with stage.claude("project"):
        id = await stage.send("MARK-REFUSED")
        await stage.mac1.wait(id, State.REFUSED)
        assert not stage.api.given("MARK-REFUSED")


async def test_what_expires_while_it_waits_is_told_and_never_shown(stage: Stage) -> None:
    id = await stage.send("MARK-EXPIRED", expires_in=30.0)
    await stage.mac1.wait(id, State.STORED)
    stage.mac2.time.pass_(60.0)
    stage.node.offering.wake()
    await stage.mac1.wait(id, State.EXPIRED)
    async with stage.claude("project") as claude:
        await stage.talk(claude, "good morning")
        other = await stage.send("MARK-FRESH")
        await stage.mac1.wait(other, State.ANSWERED)
        assert not stage.api.given("MARK-EXPIRED")
