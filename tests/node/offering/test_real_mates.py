"""A team mate of a real session is shown its own mail as it goes idle, once; its lead's stays with the lead."""

import asyncio
import json

import pytest

from multifleet.core.receipts import State
from multifleet.node.offering import following
from multifleet.sessions.mock_messages_api import Answer
from tests.node.offering.stage import Stage

pytestmark = pytest.mark.real_claude

SCOUT = {
    "name": "scout",
    "description": "look around",
    "prompt": "MATE-PROMPT",
    "subagent_type": "general-purpose",
    "run_in_background": True,
}


def shown(stage: Stage, text: str) -> tuple[int, int]:
    """How often a text stands in the conversation of the lead, and in that of its mate."""
    found = {True: 0, False: 0}
    for body in stage.api.requests:
        told = json.dumps(body["messages"], ensure_ascii=False)
        is_leads = "START-TEAM" in told
        found[is_leads] = max(found[is_leads], told.count(text))
    return found[True], found[False]


async def test_a_mate_is_shown_its_mail_as_it_goes_idle_and_the_leads_stays_with_the_lead(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "WOKEN_LATE", 60.0)  # where all processors are busy, its client writes late
    claude = stage.claude("project", hooks=True)
    claude.environment["CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS"] = "1"
    stage.api.when("START-TEAM", Answer(tools=(("Agent", SCOUT),)), once=True)
    more = {"to": "scout", "summary": "go on", "message": "MATE-MORE"}
    stage.api.when("TELL-SCOUT", Answer(tools=(("SendMessage", more),)), once=True)
    stage.api.when("MARK-FOR-MATE", Answer(text="the mate has read it"), once=True)
    async with stage.served(), claude:
        await claude.prompt("START-TEAM")
        live = stage.node.offering.live
        async with asyncio.timeout(60.0):
            while not (mates := (await live.find()).mates):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        (mate,) = mates
        assert (mate.name, mate.lead, live.seat_of(mate)) == ("scout", claude.session.session_id, "project.scout")
        to_mate = await stage.send("MARK-FOR-MATE", "mac2/project.scout")
        to_lead = await stage.send("MARK-FOR-LEAD")
        await stage.mac1.wait(to_lead, State.SEEN, 60.0)
        async with asyncio.timeout(60.0):
            while (await stage.row(to_mate)).state == State.STORED:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await claude.wait_status("idle")  # its mate may have been idle before, or only now: it is shown it either way
        await claude.prompt("TELL-SCOUT")
        story = await stage.mac1.wait(to_mate, State.ANSWERED, 60.0)
        assert [event.state for event in story.events] == ["queued", "stored", "offered", "seen", "answered"]
        assert story.events[-1].detail == "the mate has read it"
        assert shown(stage, "MARK-FOR-MATE") == (0, 1) and shown(stage, "MARK-FOR-LEAD")[1] == 0
