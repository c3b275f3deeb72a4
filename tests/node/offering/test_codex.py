"""The real Codex takes part: hooks show what waits, an idle thread is woken, and its own file is the proof."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from multifleet.core.receipts import State
from multifleet.sessions.seeds import SeedBox
from tests.lab.mock_openai import MockOpenAI, roles_of
from tests.node.offering.stage import IDLE_WAKE, Stage
from tests.sessions.real_claude import until
from tests.sessions.real_codex import RealCodex
from tests.starved import Starving

pytestmark = pytest.mark.real_clients
QUEUE_WAKE = 5.0
"""Seconds within which an idle thread takes up what its own daemon queues."""


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


async def test_a_question_that_is_killed_leaves_it_to_the_next_at_every_rung_until_its_model_spoke(
    stage: Stage, api: MockOpenAI, codex: RealCodex
) -> None:
    async with stage.served():
        api.when("a long one", {"text": "too late", "delay": 30.0}, once=True)
        async with killed(codex, "a long one"):
            assert await asyncio.to_thread(api.wait_for, "a long one")
            id = await stage.send("MARK-KILLED rebase please")
            await until(lambda: SeedBox(stage.mac2.home).sessions(), what="it lies ready")
        await until(lambda: not stage.node.offering.offers, 60.0)
        assert await stage.states(id) == ["queued", "stored"], "no hook has taken it"

        api.when("MARK-KILLED", {"text": "too late", "delay": 30.0}, once=True)
        async with killed(codex, "good morning"):
            assert await asyncio.to_thread(api.wait_for, "MARK-KILLED")
            await stage.mac1.wait(id, State.OFFERED)
            await until(lambda: [one for one in stage.node.offering.offers if one.met], what="its process is known")
        await until(lambda: not stage.node.offering.offers, 60.0)
        assert "seen" not in await stage.states(id)

        api.when("MARK-KILLED", {"tools": [("no_such_tool", {})]}, once=True)
        api.when("no_such_tool", {"text": "too late", "delay": 30.0}, once=True)
        async with killed(codex, "good evening"):
            await stage.mac1.wait(id, State.SEEN)
        await until(lambda: not stage.node.offering.offers, 60.0)
        await codex.ask("good night")
    questions = ("a long one", "good morning", "good evening", "good night")
    told = [{one for one in questions if one in row["conversation"]} for row in api.asked("MARK-KILLED")]
    assert set(map(frozenset, told)) == {frozenset({"good morning"}), frozenset({"good evening"})}
    assert all(row["conversation"].count("MARK-KILLED") == 1 for row in api.asked("MARK-KILLED"))
    assert await stage.states(id) == ["queued", "stored", "offered", "offered", "seen"], "the last turn was its user's"


@asynccontextmanager
async def killed(codex: RealCodex, question: str) -> AsyncIterator[None]:
    """A single question that is asked, and killed in the end."""
    asking = asyncio.create_task(codex.ask(question))
    try:
        yield
        os.kill((await codex.session()).pid, signal.SIGKILL)
        with pytest.raises(AssertionError):
            await asking
    finally:
        asking.cancel()


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
        await codex.type("half a draft")
        (session,) = (await stage.node.sessions_view(True)).sessions
        assert (session.client, session.seat, session.delivers_by) == ("codex", "project", "hooks")
        assert session.pid is not None
        starving = Starving(session.pid, os.getpid())
        idle = await stage.send("MARK-IDLE the schema changed")
        asked = await asyncio.to_thread(api.wait_for, "MARK-IDLE")
        waited = starving.seconds
        assert await stage.took_up(idle, asked["at"]) - waited < QUEUE_WAKE
        trace = await stage.mac1.wait(idle, State.ANSWERED)
        assert next(event.detail for event in trace.events if event.state == "answered") == "I rebase now"
        assert not api.asked("half a draft") and "half a draft" in await codex.screen()
    for mark, role in (("MARK-WAITS", "developer"), ("MARK-DURING", "user"), ("MARK-IDLE", "developer")):
        shown = max(api.asked(mark), key=lambda row: len(row["conversation"]))
        assert roles_of(shown["body"], mark) == [role] and shown["conversation"].count(mark) == 1


@pytest.mark.beside_one
async def test_a_thread_without_a_daemon_is_woken_by_a_typed_line(
    stage: Stage, api: MockOpenAI, codex: RealCodex
) -> None:
    codex.options = ("--no-daemon",)
    async with stage.served(), codex:
        await codex.prompt("good morning")
        await codex.wait_screen("mock answer")
        (session,) = await until(
            lambda: [one for one in codex.threads.find().sessions if one.status == "idle"], what="its end"
        )
        api.when("mail from another machine", {"text": "I rebase now"}, once=True)
        starving = Starving(session.pid, os.getpid())
        id = await stage.send("MARK-IDLE the schema changed")
        asked = await asyncio.to_thread(api.wait_for, "MARK-IDLE")
        waited = starving.seconds
        assert await stage.took_up(id, asked["at"]) - waited <= IDLE_WAKE
        await stage.mac1.wait(id, State.ANSWERED)
    assert stage.node.counters.snapshot()["lines_typed"] == 1, "and its queue was left alone"
