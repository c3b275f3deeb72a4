"""What becomes of offers when a client does what the real one does seldom or late. The client is pretended."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from multifleet.core.receipts import State
from multifleet.errors import StoreUnavailable
from multifleet.node.offering import following as following_module
from multifleet.node.offering import holding as holding_module
from multifleet.node.offering import offering as offering_module
from multifleet.sessions.seeds import SeedBox
from multifleet.store.rows import InboxChange
from tests.node.fleet import until
from tests.node.offering.pretended import Pretended, is_seed_of
from tests.node.offering.stage import Stage
from tests.sessions.records import SESSION_ID


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for is not waited for long."""
    for name in ("GRACE", "LAPSE", "DROPPED_AGAIN"):
        monkeypatch.setattr(following_module, name, 0.3)


@pytest.mark.usefixtures("impatient")
async def test_a_held_offer_that_lapses_while_the_session_goes_on_is_refused(stage: Stage) -> None:
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        line = await claude.offered()
        await claude.say(line, "held")
        await stage.mac1.wait(id, State.HELD)
        await claude.say(line, "expired")
        story = await stage.mac1.wait(id, State.REFUSED)
        assert story.events[-1].detail == "the session's user did not decide in time"
        assert len(claude.lines) == 1


async def test_an_offer_that_lapses_because_its_session_ends_waits_again(stage: Stage) -> None:
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        line = await claude.offered()
        await claude.say(line, "held")
        await stage.mac1.wait(id, State.HELD)
        await claude.say(line, "expired")
        claude.end()
        await until(lambda: not stage.node.offering.offers)
        assert (await stage.row(id)).state == State.STORED
        assert "refused" not in await stage.states(id)
        await until(lambda: stage.mac1.node.tracker.state(id) is State.STORED)
        [sent] = await stage.mac1.node.messages.outbox(None, 10)
        assert (sent.state, sent.reason) == ("stored", "the session ended before it took it up")
        story = await stage.mac1.node.messages.trace(id)
        assert (story.state, story.events[-1].detail) == ("stored", sent.reason), "it is not held any more"


@pytest.mark.usefixtures("impatient")
async def test_what_the_client_dropped_is_offered_again_before_what_follows_it_in_its_thread(stage: Stage) -> None:
    async with stage.pretended() as claude:
        first = await stage.send("first", thread="t")
        line = await claude.offered()
        await claude.drop(line, "rate-limited")
        await until(lambda: not stage.node.offering.offers)
        second = await stage.send("second", thread="t")
        await claude.offered(2)
        await stage.mac1.wait(second, State.OFFERED)
        await stage.mac1.wait(first, State.OFFERED)
        await until(lambda: "second" in str(claude.lines))  # what is written may not have been read yet
        bodies = "".join(line["message"]["content"] for line in claude.lines[1:])
        assert bodies.index("first") < bodies.index("second")


@pytest.mark.usefixtures("impatient")
async def test_an_offer_of_unknown_outcome_is_not_repeated_while_the_session_asks_its_user(stage: Stage) -> None:
    async with stage.pretended() as claude:
        stop = asyncio.Event()

        async def stand_still(*args: object) -> None:
            stop.set()
            await asyncio.Event().wait()

        stage.node.offering.offers.say = stand_still  # type: ignore[method-assign]
        id = await stage.send("hello")
        line = await claude.offered()
        async with asyncio.timeout(30.0):
            await stop.wait()
        claude.record.write(status="waiting", waitingFor="permission prompt")
        await stage.killed_and_started()
        begun = time.monotonic()
        await until(lambda: time.monotonic() - begun > 1.5)  # several times the grace
        assert len(claude.lines) == 1
        claude.record.write(status="busy", waitingFor=None)
        claude.enter(line)
        claude.answer("yes")
        await stage.mac1.wait(id, State.ANSWERED)
        assert len(claude.lines) == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("entered", [True, False])
async def test_after_a_restart_a_session_that_rests_and_holds_nothing_has_let_it_in_or_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, entered: bool
) -> None:
    monkeypatch.setattr(holding_module, "UNHEARD", 0.2)
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        line = await claude.offered()
        await claude.say(line, "held")
        await stage.mac1.wait(id, State.HELD)
        await stage.killed_and_started()
        wish = await claude.offered(2)
        assert wish["action"] == "notify_when_idle"
        await until_told(stage, id, holding_module.NOT_KNOWN)
        await claude.rest({**wish, "msg_id": str(uuid.uuid4())})  # no wish of ours
        await claude.rest(wish, "unavailable")
        if entered:
            claude.enter(line)
        await claude.rest(wish)
        story = await stage.mac1.wait(id, State.OFFERED if entered else State.REFUSED)
        assert story.events[-1].detail == (
            "found in the session's transcript" if entered else following_module.NOT_LET_IN
        )
        assert len(claude.lines) == 2


async def test_after_a_restart_a_session_that_takes_no_connection_is_asked_soon_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding_module, "SOON", 0.0)
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        await claude.say(await claude.offered(), "held")
        await stage.mac1.wait(id, State.HELD)
        claude.stand_still()
        await stage.killed_and_started()
        await until(lambda: stage.node.counters.snapshot().get("held_not_asked", 0) >= 2)
        claude.go_on()
        assert (await claude.offered(2))["action"] == "notify_when_idle"


async def until_told(stage: Stage, id: str, detail: str) -> None:
    """Until the sender knows these words."""
    async with asyncio.timeout(30.0):
        while (await stage.mac1.node.messages.trace(id)).events[-1].detail != detail:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_held_offer_that_enters_without_a_notice_is_offered_and_seen(stage: Stage) -> None:
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        line = await claude.offered()
        await claude.say(line, "held")
        await stage.mac1.wait(id, State.HELD)
        claude.enter(line)
        await stage.mac1.wait(id, State.OFFERED)
        claude.answer("yes")
        await stage.mac1.wait(id, State.ANSWERED)


async def test_a_new_offer_does_not_read_a_long_conversation_from_its_start(stage: Stage) -> None:
    async with stage.pretended() as claude:
        filler = '{"type":"user","uuid":"%s","parentUuid":null,"message":{"content":"' + "x" * 900 + '"}}\n'
        claude.transcript.write_text("".join(filler % n for n in range(60_000)))
        worst = 0.0

        async def watch_the_loop() -> None:
            nonlocal worst
            while True:
                begun = time.thread_time()  # of the loop's own work: others may have the processor meanwhile
                await asyncio.sleep(0.005)
                worst = max(worst, time.thread_time() - begun)

        watching = asyncio.create_task(watch_the_loop())
        begun = time.process_time()
        id = await stage.send("hello")
        claude_line = await claude.offered()
        claude.enter(claude_line)
        claude.answer("yes")
        await stage.mac1.wait(id, State.ANSWERED)
        assert time.process_time() - begun < 1.0
        watching.cancel()
        assert worst < 0.5


@pytest.mark.usefixtures("impatient")
async def test_a_client_without_an_inbox_gets_a_seed_and_status_says_so(stage: Stage) -> None:
    async with stage.pretended(messagingSocketPath=None):
        id = await stage.send("hello")
        await until(lambda: is_seed_of(stage.mac2.home))
        (view,) = (await stage.node.status()).clients
        assert view.delivers_by == "hooks" and "no inbox socket" in (view.detail or "")
        assert "offered" not in await stage.states(id)


@pytest.mark.usefixtures("impatient")
async def test_a_seed_stays_until_the_hook_that_took_it_has_surely_printed_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    clear = SeedBox.clear
    monkeypatch.setattr(SeedBox, "clear", lambda *args, **kept: (clear(*args, **kept), looks.append(args[1])))
    async with stage.pretended(messagingSocketPath=None):
        id = await stage.send("hello")
        await until(lambda: is_seed_of(stage.mac2.home))
        box = stage.mac2.home / "seeds" / SESSION_ID
        (box / "next").rename(box / "taken.4711")
        await stage.mac1.wait(id, State.OFFERED)
        looks.clear()
        stage.mac2.time.pass_(offering_module.EXPIRE_EVERY)
        stage.node.offering.wake()
        await until(lambda: looks)
        assert "hello" in (box / "taken.4711").read_text()
        stage.mac2.time.pass_(following_module.HOOK_READS)
        stage.node.offering.wake()
        await until(lambda: not box.exists())


@pytest.fixture
def fails_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> set[State]:
    """States of messages that cannot be written the first time, and then can."""
    states: set[State] = set()
    advance = stage.node.store.inbox.advance

    async def failing(changes: Sequence[InboxChange], **more: Any) -> list[bool]:
        if failed := states & {State(change.state) for change in changes}:
            states.difference_update(failed)
            raise StoreUnavailable("the disk is full")
        return await advance(changes, **more)

    monkeypatch.setattr(stage.node.store.inbox, "advance", failing)
    return states


async def test_what_was_seen_while_nothing_could_be_written_is_told_afterwards(
    stage: Stage, fails_once: set[State]
) -> None:
    fails_once |= {State.SEEN, State.ANSWERED}
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        line = await claude.offered()
        await stage.mac1.wait(id, State.OFFERED)
        claude.enter(line)
        claude.answer("yes")
        await stage.mac1.wait(id, State.ANSWERED)
        states = await stage.states(id)
        assert (states.count("seen"), states.count("answered")) == (1, 1) and not fails_once


async def test_what_a_client_said_while_nothing_could_be_written_is_told_afterwards(
    stage: Stage, fails_once: set[State]
) -> None:
    fails_once |= {State.HELD}
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        await claude.say(await claude.offered(), "held")
        await stage.mac1.wait(id, State.HELD)
        assert len(claude.lines) == 1 and not fails_once


async def test_sessions_of_scripts_leave_no_seats_behind_and_get_mail_for_the_seat_they_sit_on(stage: Stage) -> None:
    home = stage.folder / "home"
    async with Pretended(home / ".claude", home / "project/part", entrypoint="sdk-cli") as claude:
        id = await stage.send("for the seat of the folder above, which is bound")
        await claude.offered()
        await stage.mac1.wait(id, State.OFFERED)
    async with Pretended(home / ".claude", home / "scratch", entrypoint="sdk-cli") as claude:
        other = await stage.send("for any", "mac2")
        await claude.offered()
        await stage.mac1.wait(other, State.OFFERED)
        assert [row.name for row in stage.node.seats.rows] == ["project"]


async def test_what_piles_up_at_a_seat_where_nobody_is_keeps_no_other_from_its_mail(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offering_module, "WAITING_LIMIT", 5)
    (stage.folder / "closed").mkdir()
    await stage.node.seats.bind("closed", str(stage.folder / "closed"), False)
    for number in range(8):
        await stage.mac1.wait(await stage.send(f"closed {number}", "mac2/closed"), State.STORED)
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        await claude.offered()
        await stage.mac1.wait(id, State.OFFERED)


async def test_what_was_sent_long_ago_waits_for_the_one_before_it_that_is_held_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offering_module, "AT_ONCE", 1)
    monkeypatch.setattr(following_module, "DROPPED_AGAIN", 1.0)
    ids = [await stage.send(f"number {n}", thread="t") for n in range(3)]
    for id in ids:
        await stage.mac1.wait(id, State.STORED)
    stage.mac2.time.pass_(60.0)
    async with stage.pretended() as claude:
        line = await claude.offered()
        await claude.drop(line, "rate-limited")
        for id in ids:
            await stage.mac1.wait(id, State.OFFERED)
        await until(lambda: "number 2" in str(claude.lines[1:]))
        shown = "".join(one["message"]["content"] for one in claude.lines[-3:])
        assert shown.index("number 0") < shown.index("number 1") < shown.index("number 2")


async def test_a_session_of_a_script_is_given_what_waits_by_its_start_hook_and_not_by_its_inbox(stage: Stage) -> None:
    id = await stage.send("hello")
    await stage.mac1.wait(id, State.STORED)
    folder = stage.folder / "home/project"
    async with stage.pretended(entrypoint="sdk-cli") as claude:
        stage.node.offering.wake()
        await until(lambda: not stage.node.offering._news.is_set())
        async with stage.node.offering._turn_lock:
            assert claude.lines == []
        text = await stage.node.offering.session_started(SESSION_ID, str(folder), False)
        assert "hello" in text
        other = await stage.send("and this comes later")
        await claude.offered()
        await stage.mac1.wait(other, State.OFFERED)
        assert len(claude.lines) == 1


async def test_half_of_a_surrogate_pair_in_the_last_words_of_a_turn_is_no_end_of_following(stage: Stage) -> None:
    async with stage.pretended() as claude:
        id = await stage.send("hello")
        claude.enter(await claude.offered())
        claude.answer("done \ud83d")
        trace = await stage.mac1.wait(id, State.ANSWERED)
        assert trace.events[-1].detail == "done ?"
