"""What the parts together find, prove and report with the real client. It runs in a home of its own."""

import contextlib
import os
import secrets
import signal
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.core.transcript import Fact
from multifleet.sessions.base import Unreachable
from multifleet.sessions.claude_inbox import ReplySocket, report
from multifleet.sessions.claude_registry import is_running
from multifleet.sessions.claude_wire import InboxEvent, Receipt, Reply
from multifleet.sessions.mock_messages_api import Answer, MockMessagesApi
from tests.sessions.real_claude import Offering, RealClaude, until

pytestmark = pytest.mark.real_claude


@contextlib.asynccontextmanager
async def offering(home: Path, mode: str = "default", answer: str = "Understood.") -> AsyncIterator[Offering]:
    events: list[InboxEvent] = []
    async with MockMessagesApi(Answer(text=answer)) as api, RealClaude(api, home, mode=mode) as claude:
        reply = await ReplySocket.open(secrets.token_hex(8), events.append)
        try:
            yield Offering(claude, reply, events)
        finally:
            await reply.aclose()


def new_id() -> str:
    return str(uuid.uuid4())


def opened_for_writing(fifo: Path) -> int | None:
    """A descriptor of a pipe that somebody reads from; None while nobody does."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def statuses(events: list[InboxEvent], offer: str) -> list[str]:
    return [event.status for event in events if isinstance(event, Receipt) and event.offer_id == offer]


async def an_idle_session_wakes_and_its_answer_is_proven(one: Offering) -> None:
    offer = new_id()
    await one.post(offer, "how are the tests? é 漢字 🚀 </cross-session-message> \\")
    sighting = await one.wait_ended(offer)
    assert (sighting.fact, sighting.answer) == (Fact.SEEN, "all green")
    assert one.claude.api.given("how are the tests? é 漢字 🚀 <\\\\/cross-session-message>")
    assert one.events == [], "an accepted message gets no receipt"


async def a_busy_session_reads_between_its_tool_calls(one: Offering) -> None:
    api, claude = one.claude.api, one.claude
    os.mkfifo(claude.folder / "waits")
    api.when("WORK", Answer(tools=(("Bash", {"command": "cat waits", "description": "-"}),)), once=True)
    await claude.prompt("WORK on it")
    writer = await until(lambda: opened_for_writing(claude.folder / "waits"), what="the tool to read")
    offer = new_id()
    await one.post(offer, "meanwhile, from afar")
    await one.wait(offer, Fact.QUEUED)
    assert one.fact(offer) is Fact.QUEUED and not api.given("meanwhile, from afar")
    os.write(writer, b"the tool is done")
    os.close(writer)
    sighting = await one.wait_ended(offer)
    assert sighting.fact is Fact.SEEN
    assert sighting.answer is None, "the text belongs to the turn that the user began"


async def a_failed_request_is_not_seen_until_a_later_turn_succeeds(one: Offering) -> None:
    one.claude.api.when("please look(?!.*go on)", Answer(status=400))
    offer = new_id()
    await one.post(offer, "please look")
    sighting = await one.wait_ended(offer)
    assert sighting.fact is Fact.ENTERED and sighting.answer is None
    await one.claude.wait_status("idle")
    await one.claude.prompt("go on")
    await one.wait(offer, Fact.SEEN)
    assert one.proof.answer(offer) is None, "the later turn's text answers the user, not the message"


async def a_reply_of_the_model_arrives_and_its_fate_can_be_reported(one: Offering) -> None:
    call = {"to": one.reply.address, "summary": "s", "message": 'yes </cross-session-message> "quoted"'}
    one.claude.api.when("answer me", Answer(tools=(("SendMessage", call),)), once=True)
    offer = new_id()
    await one.post(offer, "answer me")
    await one.wait_ended(offer)
    reply: Reply = await until(lambda: next((e for e in one.events if isinstance(e, Reply)), None))
    assert reply.text == 'yes </cross-session-message> "quoted"'
    assert reply.pid == one.claude.session.pid and reply.message_id
    await report(
        one.claude.registry,
        one.claude.session,
        about=reply.message_id,
        status="held",
        reason="mac2 is away",
        reply=one.reply,
    )
    assert await one.claude.api.wait_for("was held by that session", 60.0)


async def the_same_text_again_is_dropped_with_a_receipt_unless_its_token_is_new(one: Offering) -> None:
    first, again, anew = new_id(), new_id(), new_id()
    await one.post(first, "twice", token="mf_same")
    await one.wait_ended(first)
    await one.post(again, "twice", token="mf_same")
    await until(lambda: statuses(one.events, again) == ["dropped"])
    receipt = next(e for e in one.events if isinstance(e, Receipt) and e.offer_id == again)
    assert receipt.detail == "duplicate" and one.fact(again) is Fact.NONE
    await one.post(anew, "twice", token="mf_other")
    assert (await one.wait_ended(anew)).fact is Fact.SEEN


async def an_interrupted_turn_is_not_seen(one: Offering) -> None:
    one.claude.api.when("slowly", Answer(text="never said", delay=60.0))
    offer = new_id()
    await one.post(offer, "slowly please")
    assert await one.claude.api.wait_for("slowly please", 60.0)
    await one.wait(offer, Fact.ENTERED)
    await one.claude.keys("Escape")
    sighting = await one.wait_ended(offer)
    assert sighting.fact is Fact.ENTERED and sighting.answer is None


async def test_what_one_session_makes_of_its_mail_is_told_apart_and_proven(tmp_path: Path) -> None:
    async with offering(tmp_path, answer="all green") as one:
        for happens in (
            an_idle_session_wakes_and_its_answer_is_proven,
            a_busy_session_reads_between_its_tool_calls,
            a_failed_request_is_not_seen_until_a_later_turn_succeeds,
            a_reply_of_the_model_arrives_and_its_fate_can_be_reported,
            the_same_text_again_is_dropped_with_a_receipt_unless_its_token_is_new,
            an_interrupted_turn_is_not_seen,
        ):
            await one.claude.wait_status("idle")
            await happens(one)


async def test_a_session_that_ends_before_its_turn_has_only_queued_it(tmp_path: Path) -> None:
    async with offering(tmp_path) as one:
        one.claude.api.when("LONG", Answer(text="long", delay=60.0))
        await one.claude.prompt("LONG thought")
        assert await one.claude.api.wait_for("LONG thought", 60.0)
        offer = new_id()
        await one.post(offer, "in vain")
        await one.wait(offer, Fact.QUEUED)
        os.kill(one.claude.session.pid, signal.SIGTERM)
        await until(lambda: not is_running(one.claude.session), 60.0)
        assert one.claude.now() is None and one.fact(offer) is Fact.QUEUED
        with pytest.raises(Unreachable):
            await one.post(new_id(), "too late")


async def test_a_killed_session_is_not_found_though_its_files_stay(tmp_path: Path) -> None:
    async with offering(tmp_path) as one:
        session = one.claude.session
        os.kill(session.pid, signal.SIGKILL)
        await until(lambda: not is_running(session), 60.0)
        assert (tmp_path / f".claude/sessions/{session.pid}.json").exists()
        assert one.claude.registry.find().sessions == ()


async def test_after_clear_a_message_for_the_old_conversation_is_not_written(tmp_path: Path) -> None:
    async with offering(tmp_path) as one:
        old = one.claude.session
        await one.claude.prompt("/clear")
        new = await until(lambda: (now := one.claude.now()) and now.session_id != old.session_id and now)
        assert new.pid == old.pid and new.socket == old.socket
        with pytest.raises(Unreachable, match="another conversation"):
            await one.post(new_id(), "meant for the old one")

        class Stale:
            def reread(self, session: object) -> object:
                return old

        one.claude.registry = Stale()  # type: ignore[assignment]
        await one.post(new_id(), "written for the old one all the same")
        one.claude.registry = type(one.claude.registry)  # type: ignore[assignment]
        await one.claude.prompt("hello")
        assert await one.claude.api.wait_for("hello", 60.0)
        assert not one.claude.api.given("the old one"), "the client itself drops what names another conversation"


async def test_a_session_that_bypasses_prompts_holds_it_for_its_user_who_delivers(tmp_path: Path) -> None:
    async with offering(tmp_path, mode="bypassPermissions") as one:
        for mode in (None, "prompting"):
            offer = new_id()
            await one.post(offer, f"hello from {mode}", from_mode=mode)
            await until(lambda offer=offer: statuses(one.events, offer) == ["held"])
            assert one.fact(offer) is Fact.NONE and not one.claude.api.given(f"hello from {mode}")
            await one.claude.wait_screen("Deliver this message")
            if mode is None:
                await one.claude.choose("Deliver this message")
                await until(lambda offer=offer: statuses(one.events, offer) == ["held", "delivered"])
                assert (await one.wait_ended(offer)).fact is Fact.SEEN
            else:
                await one.claude.choose("Deny")
                await until(lambda offer=offer: statuses(one.events, offer) == ["held", "denied"])
                assert one.fact(offer) is Fact.NONE


async def test_sessions_that_ask_their_user_take_a_message_with_and_without_a_mode(tmp_path: Path) -> None:
    async with offering(tmp_path, mode="acceptEdits") as one:
        for mode in (None, "prompting"):
            offer = new_id()
            await one.post(offer, f"hello from {mode}", from_mode=mode)
            assert (await one.wait_ended(offer)).fact is Fact.SEEN
