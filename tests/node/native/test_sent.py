"""What a session sends to a listed seat arrives there as a message, and its session is told what becomes of it."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from multifleet.core.native_idle import At
from multifleet.core.receipts import State
from multifleet.node.offering import telling
from multifleet.store.rows import InboxRow
from tests.node.fleet import Machine, Machines, until
from tests.node.offering.pretended import Pretended


@dataclass
class Two:
    """mac1 with a session in the folder of its seat desk; mac2 with the seat api, which mac1's client lists."""

    mac1: Machine
    mac2: Machine
    client: Pretended
    folder: Path

    async def record(self, name: str = "mac2/api") -> dict[str, Any]:
        """What the client lists."""
        sessions = self.client.config / "sessions"

        def found() -> dict[str, Any] | None:
            for path in sessions.glob("*.json"):
                with suppress(FileNotFoundError):  # it was taken away in this moment
                    record: dict[str, Any] = json.loads(path.read_text())
                    if record["name"] == name:
                        return record
            return None

        await until(found)
        record = found()
        assert record is not None
        return record

    async def write(self, frame: dict[str, Any], name: str = "mac2/api") -> str:
        """What the client writes to a listed session; its id."""
        id = str(uuid.uuid4())
        path = (await self.record(name))["messagingSocketPath"]
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(json.dumps({"msgV": 1, "msg_id": id, **frame}).encode() + b"\n")
        writer.close()
        await writer.wait_closed()
        return id

    async def say(self, text: str, name: str = "mac2/api", mode: str = "prompting") -> str:
        """As SendMessage writes it."""
        address = f"uds:{self.client.record.socket_path}"
        wrapped = f'<cross-session-message from="{address}" from-name="desk" from-mode="{mode}">\n{text}\n'
        content = wrapped + "</cross-session-message>"
        message = {"role": "user", "content": content}
        return await self.write({"type": "user", "message": message, "priority": "next", "from": address}, name)

    async def told(self, count: int) -> list[dict[str, Any]]:
        """The notices that came, once there are so many."""
        await self.client.offered(count)
        return self.client.lines

    async def arrived(self) -> InboxRow:
        """What came to mac2."""
        async with asyncio.timeout(30.0):
            while not (received := await self.mac2.received()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return received[0]

    async def take_up(self) -> str:
        """A session begins on mac2's seat; what its hook shows."""
        return await self.mac2.node.offering.session_started(str(uuid.uuid4()), str(self.folder / "api"), False)


@asynccontextmanager
async def two(fleet: Machines, folder: Path) -> AsyncIterator[Two]:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    for name in ("desk", "api"):
        (folder / name).mkdir()
    await mac1.node.seats.bind("desk", str(folder / "desk"), False)
    await mac2.node.seats.bind("api", str(folder / "api"), False)
    mac1.node.native.presence._nodes = lambda: {"mac2": {"api": ""}, "mac9": {"lost": ""}}
    async with Pretended(mac1.home / "claude", folder / "desk") as client:
        yield Two(mac1, mac2, client, folder)


@pytest.fixture
async def both(fleet: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    monkeypatch.setattr("multifleet.node.native.presence.EVERY", 0.05)
    async with two(fleet, tmp_path) as both:
        yield both


async def test_it_is_held_while_the_other_machine_is_away_and_delivered_once_a_session_there_took_it(
    both: Two,
) -> None:
    both.mac1.node.native.notices._is_there = lambda node: False
    word = await both.say("the tests are green")
    (held,) = await both.told(1)
    assert (held["action"], held["status"], held["orig_msg_id"]) == ("peer_message_status", "held", word)
    row = await both.arrived()
    assert (row.from_, row.to, row.body, row.authority) == ("mac1/desk", "mac2/api", "the tests are green", "agent")
    assert "the tests are green" in await both.take_up()
    told = (await both.told(2))[1]
    assert (told["status"], told["orig_msg_id"]) == ("delivered", word)
    assert "its receipt says offered" in told["reason"]


async def test_a_message_that_a_session_takes_at_once_needs_no_word(both: Two) -> None:
    both.mac1.node.native.notices._is_there = lambda node: True
    await both.say("one")
    await both.arrived()
    await both.take_up()
    (message,) = followed = both.mac1.node.native.notices._open
    await both.mac1.wait(message, State.OFFERED)
    assert both.client.lines == [] and message in followed, "the session there may still hold it for its user"


async def test_what_is_refused_there_is_told_as_refused(both: Two) -> None:
    both.mac1.node.native.presence._nodes = lambda: {"mac2": {"api": "", "nobody": ""}}
    both.mac1.node.native.notices._is_there = lambda node: True
    word = await both.say("hello?", "mac2/nobody")
    (refused,) = await both.told(1)
    assert (refused["status"], refused["status_detail"], refused["orig_msg_id"]) == ("expired", "refused", word)
    assert "no seat 'nobody' here" in refused["reason"]


async def test_what_cannot_even_be_sent_is_told_in_our_own_words(both: Two) -> None:
    await both.say("anybody?", "mac9/lost")
    (line,) = await both.told(1)
    assert "multifleet did not send your message to mac9/lost" in line["message"]["content"]


async def test_a_session_that_takes_no_connection_at_that_moment_is_told_a_moment_later(
    both: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits() -> Iterator[float]:
        yield 0.0
        yield 0.0
        both.client.go_on()
        yield 0.0

    monkeypatch.setattr(telling, "WAITS", waits())
    both.client.stand_still()
    await both.say("anybody?", "mac9/lost")
    (line,) = await both.told(1)
    assert "multifleet did not send your message to mac9/lost" in line["message"]["content"]


async def test_the_answer_goes_to_the_very_conversation_that_wrote(both: Two) -> None:
    both.mac1.node.native.notices._is_there = lambda node: True
    await both.say("how are the tests?")
    row = await both.arrived()
    await both.take_up()
    await both.mac2.node.sending.reply(row, "all green")
    line = (await both.told(1))[-1]
    assert "all green" in line["message"]["content"] and line["session_id"] == both.client.record.record["sessionId"]
    assert f'from="uds:{(await both.record())["messagingSocketPath"]}"' in line["message"]["content"]


async def test_open_notices_outlive_the_daemon(both: Two) -> None:
    both.mac1.node.native.notices._is_there = lambda node: False
    word = await both.say("keep it in mind")
    await both.told(1)
    await both.arrived()
    await both.mac1.restart()
    await both.take_up()
    told = (await both.told(2))[1]
    assert (told["status"], told["orig_msg_id"]) == ("delivered", word)


async def test_a_wish_to_be_told_when_it_is_idle_is_answered_when_it_is(both: Two, monkeypatch: Any) -> None:
    monkeypatch.setattr("multifleet.node.native.idle.next_question", lambda asked: 0.01)
    answers = [[At("busy", 1.0)], [At("waiting", None)], [At("idle", 5.0)]]

    async def ask(node: str, seat: str) -> list[At] | None:
        assert (node, seat) == ("mac2", "api")
        return answers.pop(0)

    both.mac1.node.native.idle._ask = ask
    wish = await both.write({"type": "control", "action": "notify_when_idle", "from_mode": "prompting"})
    (notice,) = await both.told(1)
    assert (notice["action"], notice["state"], notice["orig_msg_id"]) == ("peer_idle_notice", "idle", wish)
    assert "detail" not in notice and notice["finished_at"] > 0


async def test_where_nobody_can_tell_that_is_said_at_once(both: Two) -> None:
    wish = await both.write({"type": "control", "action": "notify_when_idle"}, "mac9/lost")
    (notice,) = await both.told(1)
    assert (notice["state"], notice["orig_msg_id"]) == ("unavailable", wish)


async def test_the_machine_of_the_seat_is_asked_what_its_session_does(both: Two) -> None:
    async with Pretended(both.mac2.home / "claude", both.folder / "api", status="idle"):
        wish = await both.write({"type": "control", "action": "notify_when_idle"})
        (notice,) = await both.told(1)
        assert (notice["state"], notice["orig_msg_id"]) == ("idle", wish)


@pytest.mark.parametrize(("mode", "posted"), [("prompting", ' from-mode="prompting"'), ("bypass", "")])
async def test_the_mode_of_the_session_that_wrote_is_shown_and_opens_nothing(both: Two, mode: str, posted: str) -> None:
    both.mac1.node.native.notices._is_there = lambda node: True
    async with Pretended(both.mac2.home / "claude", both.folder / "api") as there:
        await both.say("as my client says", mode=mode)
        content = (await there.offered())["message"]["content"]
    assert re.match(rf'<cross-session-message from="\S*" from-session="\S*" from-name="mac1/desk"{posted}>', content)
    assert ("Its session acts without asking its user first" in content) is (mode == "bypass")
