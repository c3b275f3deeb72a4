"""The real Claude Code lists a seat of another machine, writes to it by its own tool, and is told what became of it."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from multifleet.core.native_idle import At
from multifleet.sessions.mock_messages_api import Answer
from tests.node.fleet import Machines
from tests.node.offering.stage import Stage, stage_in
from tests.sessions.real_claude import until

pytestmark = pytest.mark.real_claude


@pytest.fixture
async def stage(tmp_path: Path, fleet: Machines, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """mac2 has the client, and mac1 the seat desk."""
    monkeypatch.setattr("multifleet.node.native.presence.EVERY", 0.1)
    monkeypatch.setattr("multifleet.node.native.idle.next_question", lambda asked: 0.05)
    async with stage_in(tmp_path, fleet) as stage:
        stage.node.native.presence._nodes = lambda: {"mac1": {"desk": "busy"}}
        stage.node.native.notices._is_there = lambda node: False
        yield stage


def told(stage: Stage) -> str:
    """All that the model was given."""
    return json.dumps([body["messages"] for body in stage.api.requests], ensure_ascii=False)


def results(stage: Stage) -> Iterator[Any]:
    for body in stage.api.requests:
        for message in body["messages"]:
            for block in message["content"] if isinstance(message["content"], list) else []:
                if block.get("type") == "tool_result":
                    yield block["content"]


async def test_a_session_is_shown_what_is_done_on_a_remote_seat_and_told_once_when_it_is_idle(stage: Stage) -> None:
    at_desk = [At("busy", 5.0)]

    async def ask(node: str, seat: str) -> list[At]:
        assert (node, seat) == ("mac1", "desk")
        return at_desk

    stage.node.native.idle._ask = ask
    wish = {"to": "mac1/desk", "summary": "-", "notify_when_idle": True}
    stage.api.when("who is there", Answer(tools=(("ListAgents", {}),)), once=True)
    stage.api.when("tell me when", Answer(tools=(("SendMessage", wish),)), once=True)
    stage.api.when("who is there now", Answer(tools=(("ListAgents", {}),)), once=True)
    async with stage.claude("project") as claude:
        await until(lambda: "mac1/desk" in stage.node.native.presence.listed)
        await claude.prompt("who is there")
        await until(lambda: lines(stage, "mac1/desk", "busy"), what="that it is busy")
        await claude.wait_status("idle")
        await claude.prompt("tell me when it is idle")
        await until(lambda: stage.node.native.idle._held, what="the wish")
        await claude.wait_status("idle")
        assert "is idle now" not in told(stage)
        stage.node.native.presence._nodes = lambda: {"mac1": {"desk": "idle"}}
        at_desk[:] = [At("idle", 1.0)]
        assert await stage.api.wait_for("is idle now", 60.0)
        await claude.wait_status("idle")
        records = list((stage.folder / "home/.claude/sessions").glob("*.json"))
        await until(lambda: any(is_record_of_idle_desk(path) for path in records))
        await claude.prompt("who is there now")
        await until(lambda: lines(stage, "mac1/desk", "idle"), what="that it is idle")
        assert not stage.node.native.idle._held


def is_record_of_idle_desk(path: Path) -> bool:
    try:
        record = json.loads(path.read_text())
    except ValueError:
        return False  # the client writes its own in this moment
    return (record["name"], record.get("status")) == ("mac1/desk", "idle")


def lines(stage: Stage, *words: str) -> list[str]:
    """Those lines of what a tool answered in which all of the words are."""
    said = [line for result in results(stage) for line in json.dumps(result, ensure_ascii=False).split("\\n")]
    return [line for line in said if all(word in line for word in words)]


async def test_a_native_message_goes_to_the_other_machine_and_its_answer_and_notices_come_back(stage: Stage) -> None:
    send = {"to": "mac1/desk", "summary": "-", "message": "the tests are green"}
    stage.api.when("who is there", Answer(tools=(("ListAgents", {}),)), once=True)
    stage.api.when("tell the desk", Answer(tools=(("SendMessage", send),)), once=True)
    async with stage.claude("project") as claude:
        await until(lambda: "mac1/desk" in stage.node.native.presence.listed)
        await claude.keys("-l", "@mac1")
        await claude.wait_screen("mac1/desk")
        await claude.keys("Escape")
        await claude.keys("C-u")
        await claude.prompt("who is there")
        await until(lambda: any("mac1/desk" in json.dumps(result) for result in results(stage)), what="the list")
        await claude.wait_status("idle")
        await claude.prompt("tell the desk")
        (row,) = await stage.received_by_mac1(1)
        assert (row.from_, row.to, row.body) == ("mac2/project", "mac1/desk", "the tests are green")
        assert await stage.api.wait_for("NOT delivered: its Claude has not seen it", 60.0)
        desk = str(stage.folder / "desk")
        assert "the tests are green" in await stage.mac1.node.offering.session_started("s", desk, False)
        assert await stage.api.wait_for("released to that session", 60.0)
        await stage.mac1.node.sending.reply(row, "MARK-ANSWER merge it")
        assert await stage.api.wait_for("MARK-ANSWER", 60.0)
        assert 'from-name=\\"mac1/desk\\"' in told(stage)
