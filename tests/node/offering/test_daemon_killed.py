"""The daemon is killed on every rung between stored and answered: the real client shows the message exactly once."""

import asyncio
import random
from typing import Any

import pytest

from multifleet.core.receipts import State
from multifleet.node.offering.offers import Offers
from multifleet.sessions import claude_inbox
from multifleet.sessions.mock_messages_api import Answer
from tests.node.offering.stage import Stage, Stop
from tests.sessions.real_claude import RealClaude

pytestmark = pytest.mark.real_claude


def always(*args: Any, **kwargs: Any) -> bool:
    return True


async def shown_once(stage: Stage, claude: RealClaude, id: str, text: str) -> None:
    await stage.mac1.wait(id, State.ANSWERED)
    await claude.wait_status("idle")
    await stage.talk(claude, "and a prompt of the user")
    assert stage.times_shown(text) == 1
    assert stage.conversations_with(text) == 1
    states = await stage.states(id)
    assert [states.count(state) for state in ("stored", "seen", "answered")] == [1, 1, 1]


async def test_after_stored(stage: Stage) -> None:
    id = await stage.send("MARK-A")
    await stage.mac1.wait(id, State.STORED)
    await stage.killed()
    async with stage.claude("project") as claude:
        await stage.mac2.start()
        await shown_once(stage, claude, id, "MARK-A")


@pytest.mark.parametrize("after", [False, True], ids=["before_the_write", "after_the_write"])
async def test_after_offering_was_committed(stage: Stage, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    async with stage.claude("project") as claude:
        stop = Stop(claude_inbox.post, after=after, when=always)
        monkeypatch.setattr(claude_inbox, "post", stop)
        id = await stage.send("MARK-B")
        async with asyncio.timeout(60.0):
            await stop.reached.wait()
        assert (await stage.row(id)).state == State.OFFERING
        await stage.killed_and_started()
        await shown_once(stage, claude, id, "MARK-B")


async def test_while_the_offer_is_written_down_but_not_its_messages(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage.claude("project") as claude:
        offers = stage.node.store.offers
        stop = Stop(offers.add, after=True, when=always)
        monkeypatch.setattr(offers, "add", stop)
        id = await stage.send("MARK-C")
        async with asyncio.timeout(60.0):
            await stop.reached.wait()
        await stage.killed_and_started()
        await shown_once(stage, claude, id, "MARK-C")
        assert await stage.node.store.offers.open() == [], "the offer that never was is closed"


@pytest.mark.parametrize("state", [State.OFFERED, State.SEEN])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_around_a_statement(stage: Stage, monkeypatch: pytest.MonkeyPatch, state: State, after: bool) -> None:
    async with stage.claude("project") as claude:
        stage.api.when("MARK-D", Answer(text="done", delay=1.0))
        stop = Stop(stage.node.offering.offers.say, after=after, when=lambda offer, to, detail: to is state)
        monkeypatch.setattr(stage.node.offering.offers, "say", stop)
        id = await stage.send("MARK-D")
        async with asyncio.timeout(60.0):
            await stop.reached.wait()
        await stage.killed_and_started()
        await shown_once(stage, claude, id, "MARK-D")


async def test_again_and_again_on_every_rung(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage.claude("project") as claude:
        stage.api.when("MARK-E", Answer(text="done", delay=1.0))
        say = Offers.say
        for state in (State.OFFERED, State.SEEN):
            offers = stage.node.offering.offers

            def bound(*args: Any, offers: Offers = offers) -> Any:
                return say(offers, *args)

            stop = Stop(bound, after=True, when=lambda offer, to, detail, state=state: to is state)
            monkeypatch.setattr(offers, "say", stop)
            if state is State.OFFERED:
                id = await stage.send("MARK-E")
            async with asyncio.timeout(60.0):
                await stop.reached.wait()
            await stage.killed_and_started()
        await shown_once(stage, claude, id, "MARK-E")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_at_any_moment_while_messages_flow(stage: Stage, seed: int) -> None:
    moments = random.Random(seed)
    ids: list[str] = []

    async def send_all() -> None:
        for number in range(30):
            ids.append(await stage.send(f"FLOW-{number:02}-END", thread="flow" if number % 2 else None))
            await asyncio.sleep(moments.uniform(0.0, 0.3))

    async with stage.claude("project") as claude, asyncio.TaskGroup() as group:
        sending = group.create_task(send_all())
        while not sending.done():
            await asyncio.sleep(moments.uniform(0.0, 1.2))
            await stage.killed_and_started()
        for id in ids:
            await stage.mac1.wait(id, State.SEEN, 60.0)
        await claude.wait_status("idle")
        await stage.talk(claude, "and a prompt of the user")
        shown = str(stage.api.requests[-1]["messages"])
        assert [shown.count(f"FLOW-{number:02}-END") for number in range(30)] == [1] * 30
        odd = [shown.index(f"FLOW-{number:02}-END") for number in range(1, 30, 2)]
        assert odd == sorted(odd), "a thread stays in its order"
