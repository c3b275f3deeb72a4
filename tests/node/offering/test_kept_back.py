"""Why a message waits is true whenever its sender reads it. The client is pretended, or is not there at all."""

import asyncio
from dataclasses import replace
from functools import partial

import msgspec
import pytest

from multifleet.core.quiet import BARRED, OVER, RULED_OUT
from multifleet.core.receipts import State
from multifleet.node.authority.stops import KEPT
from multifleet.node.offering.plans import plans
from multifleet.sessions.base import Found, Status
from tests.node.fleet import until
from tests.node.offering.stage import Stage
from tests.node.offering.test_plans import ANSWER, FIRST, SECOND
from tests.sessions.records import SESSION_ID

QUIET = "it waits: its seat is not to be disturbed until its user says so"


async def reads(stage: Stage, id: str, words: str) -> None:
    """The sender's screen comes to say so."""
    async with asyncio.timeout(20.0):
        while words not in await reason(stage, id):  # noqa: ASYNC110  no event tells it
            await asyncio.sleep(0.02)


async def reason(stage: Stage, id: str) -> str:
    listed = await stage.mac1.node.messages.outbox(None, 50)
    return next((one.reason or "" for one in listed if one.id == id), "")


async def test_the_senders_reason_is_taken_back_when_it_is_over(stage: Stage) -> None:
    await stage.node.seat_dnd("project", None, False)
    id = await stage.send("hello")
    await reads(stage, id, QUIET)
    await stage.node.seat_dnd("project", None, True)
    await reads(stage, id, OVER)
    await stage.node.stops.decide(None, everywhere=False, undo=False)
    await reads(stage, id, KEPT)
    await stage.node.stops.decide(None, everywhere=False, undo=True)
    await reads(stage, id, OVER)
    story = await stage.mac1.node.messages.trace(id, verify=True)
    assert [event.detail for event in story.events if event.state == State.STORED] == [QUIET, OVER, KEPT, OVER]
    assert (await stage.node.messages.trace(id)).reason == OVER


async def test_who_wrote_before_a_seat_was_left_alone_is_told_of_it_also_after_a_restart(stage: Stage) -> None:
    id = await stage.send("hello")
    await stage.mac1.wait(id, State.STORED)
    await stage.node.seat_dnd("project", None, False)
    await reads(stage, id, QUIET)
    await stage.node.seat_dnd("project", "30m", False)
    await reads(stage, id, "not to be disturbed until 20")
    await stage.mac2.stop()
    stage.mac2.time.pass_(1_801)
    await stage.mac2.start()
    await reads(stage, id, OVER)


async def test_what_nobody_keeps_back_has_no_reason(stage: Stage) -> None:
    id = await stage.send("hello")
    story = await stage.mac1.wait(id, State.STORED)
    await stage.node.offering.kept_back.look()
    assert story.events[-1].detail is None and (await stage.row(id)).detail is None


async def test_who_writes_to_one_session_is_told_what_its_seat_says(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.node.seat_dnd("project", None, False)
    async with stage.pretended() as claude:
        await until(lambda: bool(stage.node.offering.live.latest))
        id = await stage.send("MARK-ONE", to="mac2", session=SESSION_ID)
        await reads(stage, id, QUIET)
        whoever = await stage.send("MARK-ANY", to="mac2")
        await reads(stage, whoever, BARRED)
        await stage.node.rules.allow("project", "mac1", "nothing")
        await stage.node.seat_dnd("project", None, True)
        await reads(stage, id, RULED_OUT)
        await reads(stage, whoever, RULED_OUT)
        assert claude.lines == []
        live, kept_back, there = stage.node.offering.live, stage.node.offering.kept_back, (await stage.row(id)).detail
        waits = msgspec.structs.replace(await stage.row(whoever), detail=RULED_OUT)
        with monkeypatch.context() as away:
            away.setattr(live, "latest", ())
            assert there == RULED_OUT and kept_back._news(waits) is None, "whom it is kept from is only away"
        await stage.node.rules.allow("project", "mac1", None)
        await stage.mac1.wait(id, State.OFFERED)
        await stage.mac1.wait(whoever, State.OFFERED)


@pytest.mark.parametrize("seat", [None, "no more"])
async def test_the_machines_mail_goes_to_a_session_that_may_see_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, seat: str | None
) -> None:
    live, other = stage.node.offering.live, stage.folder / "home/other"
    other.mkdir()
    await stage.node.seat_bind("other", str(other), False)
    monkeypatch.setattr(live.clients, "reaches", lambda session: True)
    idle = replace(FIRST, cwd=str(stage.folder / "home/project"))
    busy = replace(SECOND, cwd=str(other), status=Status.BUSY)
    found = Found((idle, busy), ())

    def gets() -> list[str]:
        rows = [msgspec.structs.replace(ANSWER, seat=seat, id=type, type=type) for type in ("context", "task")]
        made = plans(rows, live.wanted_seat, partial(live.choose, found), live.way, may_get=live.may_get)
        return [f"{row.id} {plan.session.status}" for plan in made for row in plan.rows]

    assert gets() == ["context idle", "task idle"]
    await stage.node.rules.allow("project", ANSWER.sender, "context")
    assert gets() == ["context idle", "task busy"]
    await stage.node.rules.allow("other", ANSWER.sender, "nothing")
    assert gets() == ["context idle"]
