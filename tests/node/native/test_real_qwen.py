"""The real Qwen Code lists a seat of another machine, writes to it by its own tool, and is told what became of it."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.lab.mock_openai import MockOpenAI
from tests.node.fleet import Machines
from tests.node.offering.stage import Stage, stage_in
from tests.sessions.real_claude import until
from tests.sessions.real_qwen import RealQwen

CROWD = tuple(f"seat-{number}" for number in range(149))

pytestmark = pytest.mark.real_clients


@pytest.fixture
async def stage(tmp_path: Path, fleet: Machines, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """mac2 has the client, and mac1 the seat desk and a crowd of others."""
    monkeypatch.setattr("multifleet.node.native.presence.EVERY", 0.1)
    async with stage_in(tmp_path, fleet) as stage:
        stage.node.native.presence._nodes = lambda: {"mac1": dict.fromkeys(("desk", *CROWD), "")}
        stage.node.native.notices._is_there = lambda node: False
        yield stage


@pytest.fixture
def api() -> Iterator[MockOpenAI]:
    with MockOpenAI() as mock:
        yield mock


async def test_a_native_message_goes_to_the_other_machine_and_its_answer_and_notices_come_back(
    stage: Stage, api: MockOpenAI
) -> None:
    api.when("who is there", {"tools": [("list_agents", {})]}, once=True)
    send = {"to": "mac1/desk", "message": "the tests are green"}
    api.when("tell the desk", {"tools": [("send_message", send)]}, once=True)
    home = stage.folder / "home"
    qwen = RealQwen(api, home, stage.mac2.home, home / "project")
    qwen.has_hooks, qwen.allowed = False, ("send_message",)
    presence = stage.node.native.presence

    def records() -> list[Path]:
        """Of the seats, for this client: another one's may be there before."""
        return list((home / ".qwen/sessions").glob(f"{os.getpid()}-*.json"))

    async with qwen:
        await until(lambda: len(records()) == 150, 60.0)
        await qwen.terminal.prompt("who is there")
        await qwen.terminal.wait_screen("Listed 150 other sessions")
        await until(lambda: api.asked('to\\":\\"mac1/desk'), what="the list")
        told = api.asked('to\\":\\"mac1/desk')[0]["conversation"]
        assert [seat for seat in CROWD if f'to\\":\\"mac1/{seat}\\"' not in told] == []
        await qwen.terminal.wait_screen("mock answer")
        await qwen.terminal.prompt("tell the desk")
        (row,) = await stage.received_by_mac1(1)
        assert (row.from_, row.to, row.body) == ("mac2/project", "mac1/desk", "the tests are green")
        assert row.authority == "agent"
        await qwen.terminal.wait_screen("Message to mac1/desk: Your message is held")
        desk = str(stage.folder / "desk")
        assert "the tests are green" in await stage.mac1.node.offering.session_started("s", desk, False)
        await qwen.terminal.wait_screen("Message to mac1/desk: Your message was released")
        await stage.mac1.node.sending.reply(row, "MARK-ANSWER merge it", from_mode="prompting")
        await until(lambda: api.asked("MARK-ANSWER"), what="the answer")
        assert 'name=\\"mac1/desk\\"' in api.asked("MARK-ANSWER")[0]["conversation"]
    await until(lambda: not presence.listed)
    assert not records()
