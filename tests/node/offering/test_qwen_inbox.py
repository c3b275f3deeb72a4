"""What a session of Qwen Code says of a message is what its sender is told; what it does not take is not lost."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from multifleet.core.receipts import State
from multifleet.node.offering import clients, following, holding
from multifleet.node.offering.watching import mark_of
from multifleet.sessions.base import Session
from multifleet.sessions.claude_selftest import SelfTest
from multifleet.sessions.qwen_chat import chat_path
from multifleet.sessions.qwen_wire import status_line
from multifleet.sessions.seeds import SeedBox
from tests.node.fleet import Machine, Machines
from tests.sessions.qwen_records import SESSION_ID, TOKEN, QwenRegistered
from tests.sessions.real_claude import until

Frame = dict[str, Any]


class Pretended:
    """A session that does only what a test says."""

    def __init__(self, mac1: Machine, mac2: Machine, folder: Path, record: QwenRegistered) -> None:
        self.mac1 = mac1
        self.mac2 = mac2
        self.folder = folder
        self.record = record
        self.home = record.home
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.read()).splitlines()
        writer.close()
        if lines:
            assert json.loads(lines[0])["token"] == TOKEN
            self.frames.put_nowait(json.loads(lines[1]))

    async def send(self, body: str, **more: Any) -> str:
        return (await self.mac1.node.sending.send("mac2/api", body, **more)).id

    async def offered(self) -> Frame:
        async with asyncio.timeout(30.0):
            return await self.frames.get()

    async def say(self, frame: Frame, status: str, **more: Any) -> None:
        """The client's receipt."""
        line = status_line(
            line_id=str(uuid.uuid4()), about=frame["msgId"], status=status, reason="-", from_path="/x.sock", **more
        )
        _, writer = await asyncio.open_unix_connection(frame["from"])
        writer.write(line)
        writer.close()
        await writer.wait_closed()

    def write(self, frame: Frame, answer: str) -> None:
        """The turn that it began with a message."""
        path = chat_path(self.home, str(self.folder), SESSION_ID)
        path.parent.mkdir(parents=True, exist_ok=True)
        given, said = [{"text": frame["message"]["content"]}], [{"text": answer}]
        records = [
            {"uuid": "1", "type": "user", "subtype": "notification", "message": {"role": "user", "parts": given}},
            {"uuid": "2", "parentUuid": "1", "type": "assistant", "message": {"role": "model", "parts": said}},
        ]
        path.write_text("".join(json.dumps(record) + "\n" for record in records))

    async def state(self, id: str, state: State) -> str:
        """Once it is so: what was said of it."""
        await self.mac1.wait(id, state)
        events = (await self.mac1.node.messages.trace(id)).events
        return next(event.detail or "" for event in reversed(events) if event.state == state)

    def announced(self) -> None:
        """Its hooks run."""
        self.mac2.node.offering.others.announce("qwen", SESSION_ID, str(self.folder), self.record.record["pid"])


@pytest.fixture
async def qwen(fleet: Machines, tmp_path: Path) -> AsyncIterator[Pretended]:
    async with session(fleet, tmp_path) as pretended:
        yield pretended


@asynccontextmanager
async def session(fleet: Machines, folder: Path) -> AsyncIterator[Pretended]:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    (folder / "api").mkdir()
    await mac2.node.seats.bind("api", str(folder / "api"), False)
    home = Path(mac2.config.qwenHome or "")
    with QwenRegistered(home, cwd=str(folder / "api"), startedAt=time.time() * 1000) as record:
        pretended = Pretended(mac1, mac2, folder / "api", record)
        server = await asyncio.start_unix_server(pretended.serve, sock=record.listener)
        try:
            yield pretended
        finally:
            server.close()


async def test_a_message_is_shown_by_its_inbox_and_answered_by_the_turn_it_began(qwen: Pretended) -> None:
    id = await qwen.send("rebase please", from_mode="prompting")
    frame = await qwen.offered()
    assert (frame["toSessionId"], frame["fromName"], frame["fromMode"]) == (SESSION_ID, "mac1", "prompting")
    content = frame["message"]["content"]
    assert content.count("rebase please") == 1 and mark_of(frame["msgId"]) in content
    await qwen.say(frame, "delivered")
    qwen.write(frame, "rebased")
    assert await qwen.state(id, State.ANSWERED) == "rebased"


async def test_what_is_held_is_said_to_be_held_until_its_user_lets_it_in(qwen: Pretended) -> None:
    id = await qwen.send("rebase please")
    frame = await qwen.offered()
    assert "fromMode" not in frame, "nothing is claimed that was not said"
    await qwen.say(frame, "held")
    await qwen.state(id, State.HELD)
    await qwen.say(frame, "delivered")
    assert await qwen.state(id, State.OFFERED) == "its user let it in"


async def test_what_its_user_denies_is_refused(qwen: Pretended) -> None:
    id = await qwen.send("rebase please")
    await qwen.say(await qwen.offered(), "denied")
    await qwen.state(id, State.REFUSED)


@pytest.mark.parametrize(
    ("status", "end"), [("held", None), ("delivered", State.OFFERED), ("denied", State.REFUSED), ("expired", None)]
)
async def test_after_a_restart_the_client_is_asked_what_became_of_what_it_held(
    qwen: Pretended, status: str, end: State | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LAPSE", 0.2)
    monkeypatch.setattr(holding, "UNHEARD", 0.2)
    id = await qwen.send("rebase please")
    frame = await qwen.offered()
    await qwen.say(frame, "held")
    await qwen.state(id, State.HELD)
    await qwen.mac2.restart()
    again = await qwen.offered()
    assert (again["msgId"], again["toSessionId"]) == (frame["msgId"], SESSION_ID)
    assert "rebase please" not in again["message"]["content"] and "fromMode" not in again
    await until_said(qwen, id, holding.NOT_KNOWN)
    await qwen.say(again, "dropped", dropped="rate-limited")
    await qwen.say(again, status)
    if end is not None:
        await qwen.state(id, end)
    elif status == "held":
        await until_said(qwen, id, "-")
        assert qwen.mac2.node.offering.offers.get(frame["msgId"])
    else:
        await until(lambda: not qwen.mac2.node.offering.offers, what="no offer")
        (waiting,) = await qwen.mac2.node.offering.waiting()
        assert waiting.id == id
    assert qwen.frames.empty()


async def until_said(qwen: Pretended, id: str, detail: str) -> None:
    """Until the sender has been told that it is held, in these words."""
    async with asyncio.timeout(30.0):
        while True:
            story = await qwen.mac1.node.messages.trace(id)
            if (story.state, story.events[-1].detail) == ("held", detail):
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("status", ["expired", "refused"])
async def test_what_lapses_or_is_turned_away_unseen_is_shown_by_hooks(
    qwen: Pretended, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LAPSE", 0.2)
    qwen.announced()
    await qwen.send("rebase please")
    await qwen.say(await qwen.offered(), status)
    seed = await until(lambda: SeedBox(qwen.mac2.home).take_back(SESSION_ID), what="a text for its hook")
    assert "rebase please" in seed and qwen.frames.empty()


async def test_a_busy_session_is_shown_by_its_hooks_what_may_wait(qwen: Pretended) -> None:
    qwen.announced()
    path = chat_path(qwen.home, str(qwen.folder), SESSION_ID)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"uuid": "1", "type": "user", "message": {"parts": [{"text": "go on"}]}}) + "\n")
    (view,) = await qwen.mac2.node.offering.live.session_views()
    assert view.status == "busy"
    await qwen.send("rebase please", urgency="whenever")
    seed = await until(lambda: SeedBox(qwen.mac2.home).take_back(SESSION_ID), what="a text for its hook")
    assert "rebase please" in seed and qwen.frames.empty()


async def test_without_hooks_it_waits_for_another_session(qwen: Pretended) -> None:
    id = await qwen.send("rebase please")
    await qwen.say(await qwen.offered(), "refused")
    await until(lambda: not qwen.mac2.node.offering.offers, what="no offer")
    (waiting,) = await qwen.mac2.node.offering.waiting()
    assert waiting.id == id
    (view,) = await qwen.mac2.node.offering.live.session_views()
    assert view.delivers_by == "none"


@pytest.mark.parametrize("status", ["misaddressed", "dropped"])
async def test_what_the_client_did_not_take_is_offered_again(
    qwen: Pretended, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "DROPPED_AGAIN", 0.1)
    await qwen.send("rebase please")
    first = await qwen.offered()
    await qwen.say(first, status)
    second = await qwen.offered()
    assert first["msgId"] != second["msgId"]


async def test_where_nothing_is_written_down_the_receipts_end_at_offered(
    qwen: Pretended, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "UNWRITTEN", 0.1)
    id = await qwen.send("rebase please")
    await qwen.say(await qwen.offered(), "delivered")
    await qwen.state(id, State.OFFERED)
    await until(lambda: not qwen.mac2.node.offering.offers, what="the offer's end")
    row = await qwen.mac2.node.store.inbox.get("mac1", id)
    assert row is not None and row.state == State.OFFERED


async def test_an_inbox_that_something_else_drives_gets_nothing(qwen: Pretended) -> None:
    qwen.record.write(cwd=str(qwen.folder), kind="headless")
    qwen.announced()
    await qwen.send("rebase please")
    seed = await until(lambda: SeedBox(qwen.mac2.home).take_back(SESSION_ID), what="a text for its hook")
    assert "rebase please" in seed and qwen.frames.empty()


@pytest.mark.parametrize("holds", [True, False])
async def test_a_version_that_was_not_measured_is_tested_first(
    qwen: Pretended, holds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Session] = []

    async def trial(session: Session) -> SelfTest:
        tried.append(session)
        return SelfTest(session.version, holds, "-", time.time())

    monkeypatch.setattr(clients, "try_session", trial)
    qwen.record.write(cwd=str(qwen.folder), qwenVersion="0.99.0")
    qwen.announced()
    await qwen.send("rebase please")
    if holds:
        assert "rebase please" in (await qwen.offered())["message"]["content"]
    else:
        await until(lambda: SeedBox(qwen.mac2.home).take_back(SESSION_ID), what="a text for its hook")
    assert [session.version for session in tried] == ["0.99.0"] and qwen.frames.empty()
    await qwen.mac2.restart()
    (view,) = await qwen.mac2.node.offering.live.session_views()
    assert view.delivers_by == ("socket" if holds else "hooks") and len(tried) == 1
