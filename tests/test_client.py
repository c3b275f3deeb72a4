"""The asynchronous client, against a real server and against none."""

import asyncio
from pathlib import Path

import pytest

from multifleet import client as module
from multifleet.client import Client, Refused
from multifleet.errors import NotRunning, TooLarge, UnknownNode
from multifleet.operations import OPERATIONS
from tests.stand_in import ID
from tests.surfaces import surfaces_of

BY_NAME = {operation.name: operation for operation in OPERATIONS}


async def test_a_result_comes_back_as_it_is(tmp_path: Path) -> None:
    async with surfaces_of(tmp_path):
        found = await Client(tmp_path).call(BY_NAME["trace"], {"id": ID})
    assert found["from"] == "mac1" and len(found["events"]) == 3


async def test_a_refusal_carries_the_daemons_words(tmp_path: Path) -> None:
    async with surfaces_of(tmp_path) as surfaces:
        surfaces.node.messages.refusal = UnknownNode("no node mac9 in this fleet")
        with pytest.raises(Refused, match="no node mac9"):
            await Client(tmp_path).call(BY_NAME["send"], {"to": "mac9", "body": "hi"})


async def test_no_daemon_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="multifleet up"):
        await Client(tmp_path).call(BY_NAME["status"], {})


async def test_a_request_that_the_daemon_would_not_read_is_refused_here(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await Client(tmp_path).call(BY_NAME["send"], {"to": "mac2", "body": "x" * 2_000_000})


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"\r\n\r\n"])
async def test_half_an_answer_is_none(tmp_path: Path, said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_unix_server(answer, tmp_path / "socket"):
        with pytest.raises(Refused, match="broke the connection off"):
            await Client(tmp_path).call(BY_NAME["status"], {})


async def test_a_frozen_daemon_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEFAULT_TIMEOUT", 0.05)
    ended = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        ended.set()

    async with await asyncio.start_unix_server(say_nothing, tmp_path / "socket"):
        with pytest.raises(NotRunning, match="did not answer"):
            await Client(tmp_path).call(BY_NAME["status"], {})
        await asyncio.wait_for(ended.wait(), 5)
