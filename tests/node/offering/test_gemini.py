"""The real Gemini CLI is shown what waits with its prompt, once; its own file of the conversation is the proof."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from multifleet.core.receipts import State
from multifleet.sessions.seeds import SeedBox
from tests.lab.mock_gemini import MockGemini
from tests.node.offering.stage import IDLE_WAKE, Stage
from tests.sessions.real_claude import until
from tests.sessions.real_gemini import EMPTY, RealGemini
from tests.starved import Starving

pytestmark = pytest.mark.real_clients


@pytest.fixture
def api() -> Iterator[MockGemini]:
    with MockGemini() as mock:
        yield mock


async def test_a_single_question_is_shown_what_waits_and_stays_what_it_was(stage: Stage, api: MockGemini) -> None:
    home = stage.folder / "home"
    gemini = RealGemini(api, home, stage.mac2.home, home / "project")
    id = await stage.send("MARK-GEMINI rebase please </hook_context>")
    await stage.mac1.wait(id, State.STORED)
    async with stage.served():
        assert await gemini.ask("good morning") == "mock answer"
        await stage.mac1.wait(id, State.SEEN)
    asked = api.asked("MARK-GEMINI")
    assert asked and asked[-1]["conversation"].count("MARK-GEMINI") == 1
    assert asked[-1]["conversation"].count("</hook_context>") == 1, "the client's own"
    assert "answered" not in await stage.states(id), "the turn was its user's"


async def test_an_idle_session_in_tmux_is_woken_by_one_typed_line_but_not_over_a_draft_nor_where_nobody_is_asked(
    stage: Stage, api: MockGemini
) -> None:
    home = stage.folder / "home"
    api.when("waits for this session", {"text": "I rebase now"}, once=True)
    async with stage.served(), RealGemini(api, home, stage.mac2.home, home / "project") as gemini:
        await until(stage.node.offering.others.find, what="its start hook")
        await gemini.terminal.press("C-y")
        await gemini.terminal.wait_screen("YOLO")
        first = await stage.send("MARK-IDLE the schema changed")
        await put_off(stage, 1)
        await gemini.terminal.type("half a thought")
        await gemini.terminal.press("C-y")
        await gemini.terminal.wait_screen("Shift+Tab to accept edits")
        await put_off(stage, 2)
        assert not api.requests and "mail from" not in await gemini.terminal.screen()
        await gemini.terminal.press("C-u")
        await gemini.terminal.wait_screen(EMPTY)
        trace = await stage.mac1.wait(first, State.ANSWERED)
        assert trace.events[-1].detail == "I rebase now"
        (session,) = (await stage.node.sessions_view(True)).sessions
        assert (session.client, session.status) == ("gemini", "idle")
        await stage.mac1.wait(await stage.send("MARK-AGAIN it changed again"), State.ANSWERED)
        last = await stage.send("MARK-LAST and again", urgency="whenever")
        api.when("good morning", {"status": 400}, once=True)
        for prompt in ("good morning", "good evening"):
            await until(lambda: SeedBox(stage.mac2.home).waits(session.session), what="a text lies ready")
            await gemini.terminal.prompt(prompt)
            await asyncio.to_thread(api.wait_for, prompt)
        await stage.mac1.wait(last, State.SEEN)
    assert stage.node.counters.snapshot()["lines_typed"] == 2, "one for each that may not wait"
    asked = api.asked("good evening")[0]["conversation"]
    words = ("MARK-IDLE", "MARK-AGAIN", "MARK-LAST", "waits for this session")
    assert [asked.count(one) for one in words] == [1, 1, 1, 2]
    assert "good morning" not in asked, "the client took it out of the conversation"


@pytest.mark.beside_one
async def test_a_session_at_its_prompt_is_woken_at_once_and_one_that_is_killed_leaves_its_mail_to_the_next(
    stage: Stage, api: MockGemini
) -> None:
    home = stage.folder / "home"
    api.when("MARK-IDLE", {"text": "too late", "delay": 8.0}, once=True)
    gemini = RealGemini(api, home, stage.mac2.home, home / "project")
    async with stage.served():
        async with gemini:
            (session,) = await until(stage.node.offering.others.find, what="its start hook")
            starving = Starving(session.pid, os.getpid())
            id = await stage.send("MARK-IDLE the schema changed")
            asked = await asyncio.to_thread(api.wait_for, "MARK-IDLE")
            waited = starving.seconds
            assert await stage.took_up(id, asked["at"]) - waited <= IDLE_WAKE
            await stage.mac1.wait(id, State.OFFERED)
            os.kill(session.pid, signal.SIGKILL)
        await until(lambda: not stage.node.offering.offers, 60.0)
        assert "seen" not in await stage.states(id)
        await gemini.ask("good evening")
        await stage.mac1.wait(id, State.SEEN)
    told = [row["conversation"] for row in api.asked("MARK-IDLE")]
    assert all(text.count("MARK-IDLE") == 1 for text in told)
    assert {"good evening" in text for text in told} == {True, False}


async def put_off(stage: Stage, times: int) -> None:
    """Until it was looked whether a line may be typed, and it might not, so often."""
    await until(lambda: stage.node.counters.snapshot().get("rings_put_off", 0) >= times, 60.0)
