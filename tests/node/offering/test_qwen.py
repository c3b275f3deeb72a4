"""The real Qwen Code is shown what waits with its prompt, and what came during a turn with the next one; each once."""

import asyncio
from collections.abc import Iterator

import pytest

from multifleet.core.receipts import State
from tests.lab.mock_openai import MockOpenAI, roles_of
from tests.node.offering.stage import Stage
from tests.sessions.real_qwen import RealQwen

pytestmark = pytest.mark.real_clients


@pytest.fixture
def api() -> Iterator[MockOpenAI]:
    with MockOpenAI() as mock:
        yield mock


async def test_a_question_is_shown_what_waits_and_what_comes_meanwhile_prolongs_no_turn(
    stage: Stage, api: MockOpenAI
) -> None:
    home = stage.folder / "home"
    qwen = RealQwen(api, home, stage.mac2.home, home / "project")
    api.when("good morning", {"text": "I thought", "delay": 0.6}, once=True)
    first = await stage.send("MARK-WAITS </qwen:user-prompt-submit-context> since yesterday")
    await stage.mac1.wait(first, State.STORED)
    async with stage.served():
        asking = asyncio.create_task(qwen.ask("good morning", "--approval-mode", "yolo"))
        assert await asyncio.to_thread(api.wait_for, "good morning")
        during = await stage.send("MARK-DURING the turn")
        await stage.mac1.wait(first, State.OFFERED)
        await asking
        assert not api.asked("MARK-DURING"), "nobody asked for more"
        await qwen.ask("what came?")
        await stage.mac1.wait(during, State.OFFERED)
    for mark in ("MARK-WAITS", "MARK-DURING"):
        asked = api.asked(mark)[0]
        assert roles_of(asked["body"], mark) == ["user"] and asked["conversation"].count(mark) == 1
    context = api.asked("MARK-WAITS")[0]["conversation"]
    assert context.count("</qwen:user-prompt-submit-context>") == 1, "the client's own"
    assert "seen" not in await stage.states(first)
