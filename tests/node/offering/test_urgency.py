"""What is not to be shown now, or not any more, or not whole: seats left alone, re-checks, digests. No real client."""

import time
from collections.abc import Callable

import pytest

from multifleet.core.digest import OVER
from multifleet.core.receipts import State
from multifleet.errors import BadInput, UnknownSeat
from multifleet.node.offering import clients as clients_module
from multifleet.node.offering.offers import DIGEST
from tests.node.fleet import until
from tests.node.offering.stage import Stage
from tests.sessions.records import SESSION_ID


def seed(stage: Stage) -> str:
    """What a hook would show now."""
    try:
        return (stage.mac2.home / "seeds" / SESSION_ID / "next").read_text()
    except FileNotFoundError:
        return ""


def shows(stage: Stage, *words: str, without: str = "") -> Callable[[], bool]:
    def shown() -> bool:
        text = seed(stage)  # read once: it is taken away and laid anew at any moment
        return all(word in text for word in words) and not (without and without in text)

    return shown


@pytest.fixture
def by_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No inbox is trusted, so that everything is laid ready for hooks."""
    monkeypatch.setattr(clients_module.Clients, "way_to", lambda self, session: clients_module.HOOKS)


async def test_a_seat_that_is_left_alone_is_shown_alerts_until_the_time_is_over(stage: Stage) -> None:
    view = await stage.node.seat_dnd("project", "30m", False)
    assert view.dnd and view.dnd_until is not None
    until_when = time.strftime("until %Y-%m-%d %H:%M UTC", time.gmtime(view.dnd_until))
    async with stage.pretended() as claude:
        id = await stage.send("MARK-LATER")
        told = await stage.mac1.wait(id, State.STORED)
        assert told.events[-1].detail == f"it waits: its seat is not to be disturbed {until_when}"
        [sent] = await stage.mac1.node.messages.outbox(None, 10)
        assert sent.reason == told.events[-1].detail
        alert = await stage.send("MARK-ALERT", type="alert")
        await stage.mac1.wait(alert, State.OFFERED)
        assert "MARK-LATER" not in str(claude.lines) and (await stage.row(id)).state == State.STORED
        stage.mac2.time.pass_(1_801)
        await stage.mac1.wait(id, State.OFFERED)
        assert len(claude.lines) == 2
        (view,) = await stage.node.seats_view()
        assert (view.dnd, view.dnd_until) == (False, None)
        assert (await stage.node.status()).quiet == ()


async def test_who_looks_sees_on_every_machine_which_seat_is_left_alone(stage: Stage) -> None:
    await stage.node.seat_dnd("project", "2h", False)
    [line] = (await stage.node.status()).quiet
    assert line.startswith("seat project, until 20") and line.endswith("multifleet seat dnd project --off ends it")
    async with stage.pretended():
        [own] = (await stage.node.sessions_view(True)).sessions
        [seen] = (await stage.mac1.node.sessions_view(False)).peers
        assert own.dnd and seen.dnd and own.dnd_until is not None
        assert seen.dnd_until == pytest.approx(own.dnd_until, abs=5)
        await stage.node.seat_dnd("project", None, False)
        [line] = (await stage.node.status()).quiet
        assert line.startswith("seat project, until its user says so; alerts pass: ")
        message = await stage.mac1.wait(await stage.send("later"), State.STORED)
        assert str(message.events[-1].detail).endswith("until its user says so")


async def test_that_holds_over_a_restart_and_until_it_is_turned_off(stage: Stage) -> None:
    await stage.node.seat_dnd("project", None, False)
    await stage.mac2.restart()
    async with stage.pretended() as claude:
        id = await stage.send("MARK-LATER", "mac2")
        await stage.mac1.wait(id, State.STORED)
        assert await stage.node.offering.session_started("other", str(claude.folder), False) == ""
        assert not (await stage.node.seat_dnd("project", None, True)).dnd
        await stage.mac1.wait(id, State.OFFERED)


@pytest.mark.usefixtures("by_hooks")
async def test_what_lies_ready_is_taken_back_from_a_seat_that_is_left_alone_and_laid_again_after(stage: Stage) -> None:
    async with stage.pretended():
        id = await stage.send("MARK-LATER")
        await until(shows(stage, "MARK-LATER"))
        await stage.node.seat_dnd("project", "1h", False)
        assert seed(stage) == "" and (await stage.row(id)).state == State.STORED
        await stage.send("MARK-ALERT", type="alert")
        await until(shows(stage, "MARK-ALERT"))
        assert "MARK-LATER" not in seed(stage)
        await stage.node.seat_dnd("project", None, True)
        await until(shows(stage, "MARK-LATER"))


async def test_only_a_seat_that_there_is_and_a_time_to_come_are_taken(stage: Stage) -> None:
    with pytest.raises(UnknownSeat):
        await stage.node.seat_dnd("nope", None, False)
    for until_when, off in (("yesterday", False), ("1h", True)):
        with pytest.raises(BadInput):
            await stage.node.seat_dnd("project", until_when, off)
    assert not (await stage.node.seats_view())[0].dnd


@pytest.mark.usefixtures("by_hooks")
async def test_what_was_answered_or_has_expired_meanwhile_is_not_shown(stage: Stage) -> None:
    async with stage.pretended():
        answered = await stage.send("MARK-ANSWERED")
        expired = await stage.send("MARK-EXPIRED", expires_in=60.0)
        id = await stage.send("MARK-STILL")
        await until(shows(stage, "MARK-ANSWERED", "MARK-EXPIRED", "MARK-STILL"))
        await stage.node.messages.reply(answered, "done already")
        await until(shows(stage, "MARK-STILL", without="MARK-ANSWERED"))
        stage.mac2.time.pass_(90)
        await until(shows(stage, "MARK-STILL", without="MARK-EXPIRED"))
        await stage.mac1.wait(answered, State.ANSWERED)
        assert (await stage.row(expired)).state in (State.EXPIRED, State.STORED)
        assert (await stage.row(id)).state == State.OFFERING


async def test_what_ends_while_its_text_is_made_is_left_out(stage: Stage) -> None:
    offering = stage.node.offering
    commit = offering.offers.commit

    async def later(id: str, rows: list[object], *more: object) -> object:
        offering.offers.commit = commit  # type: ignore[method-assign]
        await stage.node.messages.reply(ids[0], "done already")
        return await commit(id, rows, *more)  # type: ignore[arg-type]

    ids = [await stage.send(f"MARK-{n}") for n in range(2)]
    for id in ids:
        await stage.mac1.wait(id, State.STORED)
    offering.offers.commit = later  # type: ignore[method-assign, assignment]
    async with stage.pretended() as claude:
        text = (await claude.offered())["message"]["content"]
        assert "MARK-1" in text and "MARK-0" not in text and "a message from another machine" in text
        await stage.mac1.wait(ids[1], State.OFFERED)
        assert (await stage.row(ids[0])).state == State.ANSWERED and len(claude.lines) == 1


@pytest.mark.usefixtures("by_hooks")
async def test_what_comes_later_joins_what_lies_ready_in_one_text(stage: Stage) -> None:
    async with stage.pretended():
        await stage.send("MARK-FIRST")
        await until(shows(stage, "MARK-FIRST"))
        await stage.send("MARK-SECOND", urgency="whenever")
        await until(shows(stage, "MARK-FIRST", "MARK-SECOND"))
        given_back = stage.node.counters.snapshot()["offers_given_back"]
        await stage.send("z" * 20_000)
        await until(lambda: stage.node.counters.snapshot()["offers_given_back"] > given_back)
        await until(shows(stage, "MARK-FIRST", "To read it whole"))


@pytest.mark.usefixtures("by_hooks")
async def test_what_comes_while_a_text_is_made_joins_it_as_well(stage: Stage) -> None:
    offers = stage.node.offering.offers
    commit = offers.commit

    async def later(id: str, rows: list[object], *more: object) -> object:
        offers.commit = commit  # type: ignore[method-assign]
        await stage.mac1.wait(await stage.send("MARK-SECOND"), State.STORED)
        return await commit(id, rows, *more)  # type: ignore[arg-type]

    offers.commit = later  # type: ignore[method-assign, assignment]
    async with stage.pretended():
        await stage.send("MARK-FIRST")
        await until(shows(stage, "MARK-FIRST", "MARK-SECOND"))


async def crowd(stage: Stage, count: int) -> list[str]:
    ids = [await stage.send(f"CROWD-{n:02}-END") for n in range(count)]
    for id in ids:
        await stage.mac1.wait(id, State.STORED)
    return ids


async def test_many_messages_come_as_one_text_and_none_of_them_is_called_seen(stage: Stage) -> None:
    ids = await crowd(stage, OVER + 1)
    async with stage.pretended() as claude:
        line = await claude.offered()
        text = line["message"]["content"]
        assert all(f"{id} context from mac1" in text for id in ids) and "multifleet read ID" in text
        await stage.mac1.wait(ids[-1], State.OFFERED)
        await stage.killed_and_started()
        claude.enter(line)
        claude.answer("I shall read two of them")
        await until(lambda: not stage.node.offering.offers)
        story = await stage.mac1.node.messages.trace(ids[0])
        assert story.state == State.OFFERED and len(claude.lines) == 1
        assert (story.events[-1].detail or "").startswith(DIGEST)
        assert (await stage.node.messages.read(ids[0])).body == "CROWD-00-END"


async def test_an_alert_is_shown_whole_before_the_digest_of_the_others(stage: Stage) -> None:
    await crowd(stage, OVER + 1)
    alert = await stage.send("MARK-ALERT it burns", type="alert", thread="fire")
    await stage.mac1.wait(alert, State.STORED)
    async with stage.pretended() as claude:
        await claude.offered(2)
        first, second = (line["message"]["content"] for line in claude.lines)
        assert "MARK-ALERT it burns" in first and "CROWD" not in first
        assert "CROWD-00-END" in second and "MARK-ALERT" not in second
