"""Sessions of Qwen Code list remote seats, and are told what becomes of what they send there."""

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.sessions.base import Session
from multifleet.sessions.claude_selftest import SelfTest
from multifleet.sessions.qwen_native import QwenNative
from multifleet.store.rows import InboxRow
from tests.node.fleet import Machine, Machines, until
from tests.node.offering.pretended import Pretended
from tests.node.offering.pretended_qwen import PretendedQwen


class Two:
    """mac1 with a session in the folder of its seat desk; mac2 with the seat api, which mac1's client lists."""

    def __init__(self, mac1: Machine, mac2: Machine, folder: Path) -> None:
        self.mac1 = mac1
        self.mac2 = mac2
        self.folder = folder
        self.client: PretendedQwen

    async def is_listed(self, name: str = "mac2/api") -> None:
        """Wait until the client could list it."""
        await until(lambda: name in self.client.listed())

    async def arrived(self) -> InboxRow:
        """What came to mac2."""
        async with asyncio.timeout(30.0):
            while not (received := await self.mac2.received()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return received[0]

    async def take_up(self) -> str:
        """A session begins on mac2's seat; what its hook shows."""
        return await self.mac2.node.offering.session_started(str(uuid.uuid4()), str(self.folder / "api"), False)


def is_there(path: str) -> bool:
    return os.path.exists(path)


@pytest.fixture
async def both(fleet: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    monkeypatch.setattr("multifleet.node.native.presence.EVERY", 0.05)
    mac1, mac2 = await fleet.started("mac1", "mac2")
    for name in ("desk", "api"):
        (tmp_path / name).mkdir()
    await mac1.node.seats.bind("desk", str(tmp_path / "desk"), False)
    await mac2.node.seats.bind("api", str(tmp_path / "api"), False)
    mac1.node.native.presence._nodes = lambda: {"mac2": {"api": "busy", "nobody": ""}, "mac9": {"lost": ""}}
    two = Two(mac1, mac2, tmp_path)
    async with PretendedQwen(mac1.home / "qwen", tmp_path / "desk") as two.client:
        yield two


async def test_held_then_delivered_is_told_as_its_receipts_say_and_the_answer_comes_back(both: Two) -> None:
    both.mac1.node.native.notices._is_there = lambda node: False
    await both.is_listed()
    word = await both.client.send("mac2/api", "the tests are green")
    (held,) = await both.client.told(1)
    assert (held["action"], held["status"], held["origMsgId"]) == ("delivery_status", "held", word)
    row = await both.arrived()
    assert (row.from_, row.to, row.body, row.authority) == ("mac1/desk", "mac2/api", "the tests are green", "agent")
    assert "the tests are green" in await both.take_up()
    assert (await both.client.told(2))[1]["status"] == "delivered"
    await both.mac2.node.sending.reply(row, "merge it", from_mode="prompting")
    answer = (await both.client.told(3))[2]
    assert "merge it" in answer["message"]["content"] and answer["fromName"] == "mac2/api"
    assert answer["from"] == both.client.listed()["mac2/api"]["ipcPath"], "an answer to it goes there"
    assert answer["fromMode"] == "prompting"


async def test_what_is_refused_there_is_told_as_refused(both: Two) -> None:
    both.mac1.node.native.notices._is_there = lambda node: True
    await both.is_listed("mac2/nobody")
    word = await both.client.send("mac2/nobody", "hello?")
    (refused,) = await both.client.told(1)
    assert (refused["status"], refused["origMsgId"]) == ("refused", word)


async def test_what_cannot_even_be_sent_is_told_as_dropped_and_in_our_own_words(both: Two) -> None:
    await both.is_listed("mac9/lost")
    word = await both.client.send("mac9/lost", "anybody?")
    dropped, words = await both.client.told(2)
    assert (dropped["status"], dropped["origMsgId"]) == ("dropped", word) and "dropReason" not in dropped
    assert "multifleet did not send your message to mac9/lost" in words["message"]["content"]
    assert "fromMode" not in words


async def test_each_client_lists_them_while_a_session_of_its_own_can_use_them(both: Two) -> None:
    await both.is_listed()
    presence = both.mac1.node.native.presence
    claude = both.mac1.home / "claude/sessions"
    assert not claude.exists()
    async with Pretended(both.mac1.home / "claude", both.folder / "desk") as other:
        await until(lambda: len(list(claude.glob("*.json"))) == 4)
        records = [json.loads(path.read_text()) for path in claude.glob("*.json")]
        (listed,) = [record for record in records if record["name"] == "mac2/api"]
        assert listed["messagingSocketPath"] == both.client.listed()["mac2/api"]["ipcPath"], "one socket serves both"
        both.client.path.unlink()
        await until(lambda: not both.client.listed())
        assert is_there(listed["messagingSocketPath"]) and "mac2/api" in presence.listed
        other.end()
        await until(lambda: not presence.listed and not is_there(listed["messagingSocketPath"]))


async def test_a_version_that_is_not_known_is_shown_none_before_it_has_passed_its_test(
    both: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_pass = asyncio.Event()

    async def passes(self: QwenNative, session: Session) -> SelfTest:
        await may_pass.wait()
        return SelfTest(session.version, True, "as told", both.mac1.node.clock.wall())

    monkeypatch.setattr(QwenNative, "test", passes)
    monkeypatch.setattr("multifleet.node.native.presence.AGAIN", 0.05)
    await both.is_listed()
    both.client.registered.write(qwenVersion="0.99.0")
    await until(lambda: not both.client.listed())
    may_pass.set()
    await both.is_listed()
    assert "0.99.0" in both.mac1.node.native.serving.verdicts("qwen")


async def test_of_several_conversations_of_one_process_the_one_that_wrote_is_the_sender(both: Two) -> None:
    (both.folder / "web").mkdir()
    await both.mac1.node.seats.bind("web", str(both.folder / "web"), False)
    record = {"sessionId": "another", "cwd": str(both.folder / "web"), "name": "web-11"}
    both.client.registered.write(f"{os.getpid()}-0a1b2c3d.json", **record)
    await both.is_listed()
    live = both.mac1.node.offering.live
    await until(lambda: (met := live.of_process(os.getpid(), "web-11")) and met.session_id == "another")
    await both.client.send("mac2/api", "which am I?", name="web-11")
    assert (await both.arrived()).from_ == "mac1/web"


async def test_nothing_is_left_when_the_daemon_ends_nor_after_it_was_killed_and_started_again(both: Two) -> None:
    await both.is_listed("mac9/lost")  # the last one: none is being written any more
    await both.mac1.kill()
    left = both.client.listed()["mac2/api"]
    both.client.path.rename(both.client.path.with_suffix(".away"))
    await both.mac1.start()
    assert not both.client.listed() and not is_there(left["ipcPath"])
