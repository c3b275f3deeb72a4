"""Posts to Qwen Code show its token first, and reach only the process and conversation they are meant for."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multifleet.sessions.base import Session, Unreachable
from multifleet.sessions.qwen_inbox import post, write_line
from multifleet.sessions.qwen_registry import QwenRegistry
from tests.sessions.qwen_records import SESSION_ID, TOKEN, QwenRegistered

OFFER = "823c91b8-38ef-4498-9498-dbe2ea810a7f"


@pytest.fixture
def registered(tmp_path: Path) -> Iterator[QwenRegistered]:
    with QwenRegistered(tmp_path) as registered:
        yield registered


async def test_an_offer_is_the_token_and_the_message_in_one_connection(registered: QwenRegistered) -> None:
    registry, session = found(registered)
    _, (first, second) = await asyncio.gather(send(registry, session), asyncio.to_thread(read, registered))
    assert first == {"msgV": 1, "type": "auth", "token": TOKEN}
    assert (second["msgId"], second["toSessionId"], second["fromName"]) == (OFFER, SESSION_ID, "mac1/boss")
    assert not {"fromMode", "from", "replyToken"} & second.keys()


async def test_where_no_token_is_wanted_none_is_shown(registered: QwenRegistered) -> None:
    registered.write(ipcToken=None)
    _, (frame,) = await asyncio.gather(send(*found(registered)), asyncio.to_thread(read, registered))
    assert frame["type"] == "user"


async def test_an_offer_is_for_one_conversation_and_a_notice_for_the_process(registered: QwenRegistered) -> None:
    registry, session = found(registered)
    registered.write(sessionId="another")
    with pytest.raises(Unreachable, match="another conversation"):
        await send(registry, session)
    wrote = write_line(registry, session, b'{"a": 1}\n')
    _, (_, frame) = await asyncio.gather(wrote, asyncio.to_thread(read, registered))
    assert frame == {"a": 1}


@pytest.mark.parametrize("changes", [{"ipcPath": None}, {"procStart": None, "pid": 1}, {"kind": "external"}])
async def test_a_session_that_is_over_or_has_no_inbox_gets_nothing(
    registered: QwenRegistered, changes: dict[str, Any]
) -> None:
    registry, session = found(registered)
    registered.write(**changes)
    with pytest.raises(Unreachable):
        await send(registry, session)


async def send(registry: QwenRegistry, session: Session) -> None:
    await post(registry, session, offer_id=OFFER, text="hello", reply=None, from_name="mac1/boss")


def found(registered: QwenRegistered) -> tuple[QwenRegistry, Session]:
    registry = QwenRegistry(registered.home)
    (session,) = registry.find().sessions
    return registry, session


def read(registered: QwenRegistered) -> list[dict[str, Any]]:
    """What came with the last connection; the one before it asked only whether somebody listens."""
    asked, _ = registered.listener.accept()
    asked.close()
    connection, _ = registered.listener.accept()
    with connection, connection.makefile() as lines:
        return [json.loads(line) for line in lines]
