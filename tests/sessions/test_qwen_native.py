"""Remote seats as Qwen Code lists them, and what it is told of a message that it sent to one."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.core.native import Entry, domain
from multifleet.sessions.claude_inbox import ReplySocket
from multifleet.sessions.native_records import NativeRecords
from multifleet.sessions.processes import started_at
from multifleet.sessions.qwen_native import QwenNative
from multifleet.sessions.qwen_registry import QwenRegistry, boot_id, pid_namespace
from multifleet.sessions.qwen_shape import QwenShape
from tests.sessions.qwen_records import SESSION_ID, TOKEN, QwenRegistered

DOMAIN = domain("f" * 32, "0" * 16)
ENTRY = Entry("mac2/api", 0x49_96_02_D2, "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5", "", 1_800_000_000.5)
SOCKET = Path("/tmp/cc-socks/0123456789abcdef.sock")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sessions"
    made.mkdir(mode=0o700)
    return made


def put(home: Path) -> NativeRecords:
    records = QwenNative(QwenRegistry(home)).records(home, DOMAIN)
    records.put(ENTRY, SOCKET, 1_800_000_060.0)
    return records


def test_a_record_is_that_of_an_external_program_as_the_protocol_says(folder: Path) -> None:
    put(folder.parent)
    path = folder / f"{os.getpid()}-499602d2.json"
    assert json.loads(path.read_text()) == {
        "schemaVersion": 1,
        "pid": os.getpid(),
        "procStart": f"{boot_id()}:{started_at(os.getpid())}",
        "pidNs": pid_namespace(),
        "sessionId": ENTRY.session_id,
        "cwd": "mac2 (another machine)",
        "name": "mac2/api",
        "startedAt": 1_800_000_000_500,
        "qwenVersion": None,
        "kind": "external",
        "ipcPath": str(SOCKET),
        "multifleet": DOMAIN,
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(folder) == [path.name]


def test_our_own_records_are_no_sessions_of_this_machine(folder: Path) -> None:
    put(folder.parent)
    found = QwenRegistry(folder.parent).find()
    assert found.sessions == () and found.problems == ()


def test_what_a_process_that_was_killed_left_is_cleared_and_what_others_wrote_stays(folder: Path) -> None:
    ours, theirs = folder / "4194400-499602d2.json", folder / "4194400-0badcafe.json"
    ours.write_text(json.dumps({"pid": 4_194_400, "multifleet": DOMAIN}))
    theirs.write_text(json.dumps({"pid": 4_194_400, "multifleet": domain("f" * 32, "1" * 16)}))
    (folder / "77.json").write_text(json.dumps({"pid": 77, "multifleet": DOMAIN}))
    NativeRecords(folder.parent, DOMAIN, QwenShape()).clear()
    assert sorted(os.listdir(folder)) == [theirs.name, "77.json"]


@pytest.fixture
async def reply() -> AsyncIterator[ReplySocket]:
    opened = await ReplySocket.open(os.urandom(8).hex(), lambda event: None)
    yield opened
    await opened.aclose()


@pytest.mark.parametrize(
    ("status", "was_held", "said"),
    [
        ("held", False, "held"),
        ("delivered", True, "delivered"),
        ("refused", False, "refused"),
        ("refused", True, "denied"),
        ("expired", True, "expired"),
    ],
)
async def test_a_session_is_told_in_the_words_that_it_takes_then(
    tmp_path: Path, reply: ReplySocket, status: str, was_held: bool, said: str
) -> None:
    registry = QwenRegistry(tmp_path)
    with QwenRegistered(tmp_path) as there:
        there.listener.setblocking(False)
        (session,) = registry.find().sessions
        telling = asyncio.create_task(
            QwenNative(registry).report(
                session, about="5f1d0c9e", status=status, reason="-", reply=reply, was_held=was_held
            )
        )
        lines = await first_lines(there)
        await telling
    auth, told = lines
    assert auth == {"msgV": 1, "type": "auth", "token": TOKEN} and session.session_id == SESSION_ID
    assert (told["action"], told["status"], told["origMsgId"]) == ("delivery_status", said, "5f1d0c9e")
    assert told["from"] == str(reply.path)


async def first_lines(there: QwenRegistered) -> list[dict[str, object]]:
    """What the first connection that says something brings."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30.0):
        while True:
            connection, _ = await loop.sock_accept(there.listener)
            data = b""
            with connection:
                connection.setblocking(False)
                while piece := await loop.sock_recv(connection, 65536):
                    data += piece
            if data:
                return [json.loads(line) for line in data.splitlines()]
