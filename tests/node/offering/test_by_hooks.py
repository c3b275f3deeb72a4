"""Where the real client's inbox cannot be used, hooks show what waits: with a prompt, at a turn's end, at start."""

import json
import time

import pytest

from multifleet.core.receipts import State
from multifleet.node.offering import clients as clients_module
from multifleet.sessions.claude_selftest import SelfTest
from multifleet.sessions.mock_messages_api import Answer
from tests.node.offering.stage import Stage
from tests.sessions.real_claude import until

pytestmark = [pytest.mark.real_claude, pytest.mark.timeout(300)]


@pytest.fixture
def untrusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every version has to pass the self-test, and fails it."""

    async def fails(binary: object, timeout: float = 0.0) -> SelfTest:
        return SelfTest("2.1.329", False, "failed: a message to the inbox arrives", time.time(), ("delivered",))

    monkeypatch.setitem(clients_module.MEASURED, clients_module.CLIENT, frozenset[str]())
    monkeypatch.setattr(clients_module, "self_test", fails)


@pytest.mark.usefixtures("untrusted")
async def test_a_client_that_fails_its_self_test_is_shown_it_with_the_next_prompt_and_status_says_so(
    stage: Stage,
) -> None:
    async with stage.served(), stage.claude("project", hooks=True) as claude:
        id = await stage.send("MARK-PROMPT")
        await until(lambda: stage.node.offering.offers, 60.0)
        (client,) = (await stage.node.status()).clients
        assert client.delivers_by == "hooks" and "failed" in (client.detail or "")
        assert not stage.api.given("MARK-PROMPT"), "nothing wakes it"
        assert "offered" not in await stage.states(id)
        await stage.talk(claude, "good morning")
        await stage.mac1.wait(id, State.SEEN)
        await stage.talk(claude, "good evening")
        assert stage.times_shown("MARK-PROMPT") == 1 and stage.conversations_with("MARK-PROMPT") == 1
        assert [s for s in await stage.states(id) if s != "queued"] == ["stored", "offered", "seen"]


@pytest.mark.usefixtures("untrusted")
async def test_what_comes_during_a_turn_is_shown_at_its_end(stage: Stage) -> None:
    async with stage.served(), stage.claude("project", hooks=True) as claude:
        stage.api.when("think long", Answer(text="I thought", delay=2.0), once=True)
        await claude.prompt("think long")
        assert await stage.api.wait_for("think long", 60.0)
        id = await stage.send("MARK-STOP")
        await stage.mac1.wait(id, State.SEEN)
        assert stage.times_shown("MARK-STOP") == 1
        await stage.talk(claude, "good evening")
        assert stage.times_shown("MARK-STOP") == 1


@pytest.mark.usefixtures("untrusted")
@pytest.mark.parametrize("taken", [False, True], ids=["laid", "taken"])
async def test_the_daemon_is_killed_with_a_seed_that_is(stage: Stage, taken: bool) -> None:
    async with stage.served(), stage.claude("project", hooks=True) as claude:
        id = await stage.send("MARK-SEED")
        await until(lambda: stage.node.offering.offers, 60.0)
        if taken:
            async with stage.node.offering._turn_lock:  # the daemon does not notice any more that it was taken
                await stage.talk(claude, "good morning")
                await stage.killed()
        else:
            await stage.killed()
        await stage.mac2.start()
        if not taken:
            await stage.talk(claude, "good morning")
        await stage.mac1.wait(id, State.SEEN)
        await stage.talk(claude, "good evening")
        assert stage.times_shown("MARK-SEED") == 1 and stage.conversations_with("MARK-SEED") == 1


@pytest.mark.usefixtures("untrusted")
async def test_a_long_message_fits_a_hook_and_says_what_is_missing(stage: Stage) -> None:
    async with stage.served(), stage.claude("project", hooks=True) as claude:
        id = await stage.send("MARK-LONG " + "word " * 20_000)
        await until(lambda: stage.node.offering.offers, 60.0)
        await stage.talk(claude, "good morning")
        await stage.mac1.wait(id, State.SEEN)
        shown = next(json.dumps(body["messages"]) for body in stage.api.requests if "MARK-LONG" in str(body))
        assert f"To read it whole, run: multifleet read {id}" in shown
        assert "Output too large" not in shown and shown.count("word ") < 2_000


@pytest.mark.usefixtures("untrusted")
async def test_a_session_that_ends_before_a_hook_took_it_leaves_it_to_the_next(stage: Stage) -> None:
    async with stage.served():
        async with stage.claude("project", hooks=True):
            id = await stage.send("MARK-SEED")
            await until(lambda: stage.node.offering.offers, 60.0)
        async with stage.claude("project", hooks=True) as claude:
            await until(lambda: any(o.session == claude.session.session_id for o in stage.node.offering.offers), 60.0)
            await stage.talk(claude, "good morning")
            await stage.mac1.wait(id, State.SEEN)
            assert stage.times_shown("MARK-SEED") == 1


@pytest.mark.usefixtures("untrusted")
async def test_what_expires_in_a_seed_is_not_shown(stage: Stage) -> None:
    async with stage.served(), stage.claude("project", hooks=True) as claude:
        id = await stage.send("MARK-OLD", expires_in=60.0)
        await until(lambda: stage.node.offering.offers, 60.0)
        stage.mac2.time.pass_(90.0)
        stage.node.offering.wake()
        await stage.mac1.wait(id, State.EXPIRED)
        await stage.talk(claude, "good morning")
        assert not stage.api.given("MARK-OLD")


async def test_a_single_question_that_fails_leaves_it_to_the_next(stage: Stage) -> None:
    id = await stage.send("MARK-FAILS")
    await stage.mac1.wait(id, State.STORED)
    stage.api.when("good morning", Answer(status=400))
    async with stage.served():
        claude = stage.claude("project", hooks=True)
        answer = await claude.ask("good morning", *claude.arguments)
        assert answer["is_error"] and stage.api.given("MARK-FAILS")
        assert "seen" not in await stage.states(id)
        async with stage.claude("project", hooks=True):
            await stage.mac1.wait(id, State.SEEN, 60.0)
