"""What the model of a session answers by its own SendMessage comes back to the sender, in the thread."""

import json
import os
import re
import signal

import pytest

from multifleet.core.budgets import Limits
from multifleet.core.receipts import State
from multifleet.sessions.mock_messages_api import Answer
from tests.node.offering.stage import Stage
from tests.sessions.real_claude import until

pytestmark = pytest.mark.real_claude


def address_in(stage: Stage, text: str) -> str:
    """The address that the model was told with a message."""
    messages = next(body["messages"] for body in reversed(stage.api.requests) if text in json.dumps(body["messages"]))
    found = re.findall(r'from=\\"(uds:[^\\"]+)', json.dumps(messages))
    return str(found[-1])


def say(address: str, text: str) -> Answer:
    return Answer(tools=(("SendMessage", {"to": address, "summary": "-", "message": text}),))


async def test_a_reply_of_the_model_answers_the_message_in_its_thread(stage: Stage) -> None:
    async with stage.claude("project"):
        first = await stage.send("MARK-FIRST", thread="schema", sender_seat="desk")
        await stage.mac1.wait(first, State.ANSWERED)
        address = address_in(stage, "MARK-FIRST")
        stage.api.when("MARK-ASK", say(address, "all green"), once=True)
        id = await stage.send("MARK-ASK", thread="schema", sender_seat="desk")
        await stage.mac1.wait(id, State.ANSWERED)
        (reply,) = await stage.received_by_mac1(1)
        assert (reply.type, reply.body, reply.reply_to, reply.thread) == ("reply", "all green", id, "schema")
        assert (reply.from_, reply.to, reply.authority) == ("mac2/project", "mac1/desk", "agent")


async def test_a_model_that_was_told_before_the_daemon_was_killed_still_reaches_the_sender(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        id = await stage.send("MARK-BEFORE")
        await stage.mac1.wait(id, State.ANSWERED)
        await stage.killed_and_started()
        stage.api.when("tell them", say(address_in(stage, "MARK-BEFORE"), "late but true"), once=True)
        await claude.prompt("tell them")
        (reply,) = await stage.received_by_mac1(1)
        assert (reply.body, reply.reply_to) == ("late but true", id)


async def test_the_last_words_of_a_session_arrive_though_it_is_over(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        id = await stage.send("MARK-LAST")
        await stage.mac1.wait(id, State.ANSWERED)
        stage.api.when("say goodbye", say(address_in(stage, "MARK-LAST"), "goodbye"), once=True)
        async with stage.node.offering._turn_lock:  # it looks up only when the session is over
            await claude.prompt("say goodbye")
            await until(lambda: stage.node.offering.replies.words)
            os.kill(claude.session.pid, signal.SIGKILL)
            await until(lambda: claude.now() is None)
        (reply,) = await stage.received_by_mac1(1)
        assert (reply.body, reply.reply_to, reply.from_) == ("goodbye", id, "mac2/project")


async def test_a_reply_that_cannot_be_sent_is_reported_to_the_model(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        id = await stage.send("MARK-LONG")
        await stage.mac1.wait(id, State.ANSWERED)
        stage.api.when("tell them", say(address_in(stage, "MARK-LONG"), "x" * 300_000), once=True)
        await claude.prompt("tell them")
        assert await stage.api.wait_for("multifleet did not send your message to mac1", 60.0)
        assert stage.api.given("the body has 300000 bytes and may have 262144")
        assert await stage.mac1.received() == []


async def test_a_model_whose_budget_is_spent_is_told_so_once_though_it_insists(stage: Stage) -> None:
    async with stage.claude("project") as claude:
        id = await stage.send("MARK-FIRST")
        await stage.mac1.wait(id, State.ANSWERED)
        stage.node.sending._limits = Limits(hops=0, thread=9, day=9)
        address = address_in(stage, "MARK-FIRST")
        stage.api.when("MARK-ASK", say(address, "me again"), once=True)
        stage.api.when("without a person", say(address, "but I insist"), once=True)
        await stage.mac1.wait(await stage.send("MARK-ASK"), State.ANSWERED)
        await until(lambda: stage.node.counters.snapshot().get("reply_not_sent") == 2)
        await claude.wait_status("idle")
        told = json.dumps(stage.api.requests[-1]["messages"]).count("multifleet did not send your message to mac1")
        assert told == 1 and await stage.mac1.received() == []
