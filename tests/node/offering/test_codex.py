"""The real Codex takes part: hooks show what waits, an idle thread is woken, and its own file is the proof."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest

from multifleet.core.receipts import State
from tests.lab.mock_openai import MockOpenAI, roles_of
from tests.node.offering.stage import Stage
from tests.sessions.real_claude import until
from tests.sessions.real_codex import RealCodex

pytestmark = pytest.mark.real_clients


@pytest.fixture
def api() -> Iterator[MockOpenAI]:
    with MockOpenAI() as mock:
        yield mock


@pytest.fixture
def codex(stage: Stage, api: MockOpenAI) -> RealCodex:
    home = stage.folder / "home"
    return RealCodex(api, home, stage.mac2.home, home / "project")


async def test_a_single_question_is_shown_what_waits_once_and_answers_it_with_our_tools(
    stage: Stage, api: MockOpenAI, codex: RealCodex
) -> None:
    id = await stage.send("MARK-EXEC rebase please")
    await stage.mac1.wait(id, State.STORED)
    async with stage.served():
        api.when("good morning", {"tools": [("mcp__fleet/fleet_reply", {"id": id, "body": "rebased"})]}, once=True)
        await codex.ask("good morning", *codex.tools())
        asked = api.asked("MARK-EXEC")[0]
        assert roles_of(asked["body"], "MARK-EXEC") == ["developer"] and asked["conversation"].count("MARK-EXEC") == 1
        (answer,) = await stage.received_by_mac1(1)
        assert (answer.from_, answer.body, answer.reply_to) == ("mac2/project", "rebased", id)
        await codex.ask("good evening")
    assert not [row for row in api.asked("good evening") if "MARK-EXEC" in row["conversation"]]
    assert {"stored", "offered", "answered"} <= set(await stage.states(id))


async def test_a_question_that_is_killed_before_its_model_spoke_leaves_it_to_the_next(
    stage: Stage, api: MockOpenAI, codex: RealCodex
) -> None:
    api.when("MARK-KILLED", {"text": "too late", "delay": 5.0}, once=True)
    id = await stage.send("MARK-KILLED rebase please")
    await stage.mac1.wait(id, State.STORED)
    async with stage.served():
        asking = asyncio.create_task(codex.ask("good morning"))
        assert await asyncio.to_thread(api.wait_for, "MARK-KILLED")
        await stage.mac1.wait(id, State.OFFERED)
        os.kill((await codex.session()).pid, signal.SIGKILL)
        with pytest.raises(AssertionError):
            await asking
        await until(lambda: not stage.node.offering.offers, 10.0)
        assert "seen" not in await stage.states(id)
        await codex.ask("good evening")
        await stage.mac1.wait(id, State.SEEN)
    assert len(api.asked("MARK-KILLED")) == 2
    assert "answered" not in await stage.states(id), "the turn was its user's"


async def test_a_thread_at_a_terminal_is_shown_mail_with_a_prompt_at_a_turns_end_and_is_woken_when_idle(
    stage: Stage, api: MockOpenAI, codex: RealCodex
) -> None:
    first = await stage.send("MARK-WAITS since yesterday")
    await stage.mac1.wait(first, State.STORED)
    async with stage.served(), codex:
        api.when("think long", {"text": "I thought", "delay": 1.5}, once=True)
        await codex.prompt("think long")
        assert await asyncio.to_thread(api.wait_for, "think long")
        during = await stage.send("MARK-DURING the turn")
        await stage.mac1.wait(during, State.SEEN)
        await stage.mac1.wait(first, State.SEEN)
        api.when("mail from another machine", {"text": "I rebase now"}, once=True)
        (session,) = (await stage.node.sessions_view(True)).sessions
        assert (session.client, session.seat, session.delivers_by) == ("codex", "project", "hooks")
        began = time.monotonic()
        idle = await stage.send("MARK-IDLE the schema changed")
        assert await asyncio.to_thread(api.wait_for, "MARK-IDLE")
        assert time.monotonic() - began < 5.0
        trace = await stage.mac1.wait(idle, State.ANSWERED)
        assert next(event.detail for event in trace.events if event.state == "answered") == "I rebase now"
    for mark, role in (("MARK-WAITS", "developer"), ("MARK-DURING", "user"), ("MARK-IDLE", "developer")):
        shown = max(api.asked(mark), key=lambda row: len(row["conversation"]))
        assert roles_of(shown["body"], mark) == [role] and shown["conversation"].count(mark) == 1
