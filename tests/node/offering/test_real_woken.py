"""The newest real client without an inbox is woken by what waits beside it, and never for what may wait."""

import os
import signal
import time

import pytest

from multifleet.core.receipts import State
from tests.lab.client_install import EARLIER_CLAUDE
from tests.node.offering.stage import IDLE_WAKE, Stage
from tests.sessions.real_claude import until
from tests.starved import Starving

pytestmark = pytest.mark.real_claude


def waiting(stage: Stage) -> list[str]:
    """The pipes of what waits, by name."""
    folder = stage.mac2.home / "waiters"
    return [name for name in os.listdir(folder) if name != ".lock"] if folder.exists() else []


@pytest.mark.beside_one
async def test_an_idle_session_without_an_inbox_is_woken_again_and_again_and_leaves_nothing_behind(
    stage: Stage,
) -> None:
    async with stage.served(), stage.claude("project", hooks=True, version=EARLIER_CLAUDE) as claude:
        await until(lambda: waiting(stage))
        assert claude.session.socket is None
        first = await stage.send("MARK-FIRST")
        story = await stage.mac1.wait(first, State.SEEN)
        assert [event.state for event in story.events] == ["queued", "stored", "offered", "seen"]
        await claude.wait_status("idle")
        await until(lambda: waiting(stage), what="it is armed again by the end of the turn")
        await claude.tmux("send-keys", "-t", "s", "-l", "half a draft")
        await claude.wait_screen("half a draft")
        await stage.send("MARK-WHENEVER", urgency="whenever")
        await until(lambda: stage.node.offering.offers)
        assert not stage.api.given("MARK-WHENEVER")
        starving = Starving(claude.session.pid, os.getpid())
        second = await stage.send("MARK-SECOND")
        assert await stage.api.wait_for("MARK-SECOND", 60.0)
        asked_at, waited = time.time(), starving.seconds
        assert await stage.took_up(second, asked_at) - waited <= IDLE_WAKE
        await stage.mac1.wait(second, State.SEEN)
        await stage.mac1.wait(first, State.ANSWERED)
        assert stage.times_shown("MARK-FIRST") == stage.times_shown("MARK-SECOND") == 1
        assert stage.times_shown("MARK-WHENEVER") == 1, "what may wait came along"
        assert not stage.api.given("half a draft") and "half a draft" in await claude.tmux("capture-pane", "-p")
        await until(lambda: waiting(stage))
        os.kill(claude.session.pid, signal.SIGKILL)
        await until(lambda: not waiting(stage), what="it ends with its client")


async def test_what_may_wait_is_taken_up_once_the_session_has_been_idle_for_a_while(stage: Stage) -> None:
    claude = stage.claude("project", hooks=True, version=EARLIER_CLAUDE)
    claude.preferences["messageIdleNotifThresholdMs"] = 2_500  # a minute, unless told
    async with stage.served(), claude:
        await claude.prompt("good morning")
        await claude.wait_screen("Understood.")
        await claude.wait_status("idle")
        id = await stage.send("MARK-WHENEVER", urgency="whenever")
        await until(lambda: stage.node.offering.offers)
        assert not stage.api.given("MARK-WHENEVER")
        story = await stage.mac1.wait(id, State.SEEN)
        assert [event.detail for event in story.events if event.state == "offered"] == ["its client was woken with it"]
        assert stage.times_shown("MARK-WHENEVER") == 1


async def test_a_single_question_does_not_wait_for_mail(stage: Stage) -> None:
    async with stage.served():
        claude = stage.claude("project", hooks=True, version=EARLIER_CLAUDE)
        answer = await claude.ask("good morning", *claude.arguments)
        assert (answer["returncode"], answer["is_error"]) == (0, False) and waiting(stage) == []
