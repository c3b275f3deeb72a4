"""Asks an installed Qwen Code whether it lists a record of ours as a session and writes to it, before it gets any.

Its protocol is documented, and what a version makes of it is tried all the same: in a throwaway home, against a
scripted API on loopback.
"""

import asyncio
import contextlib
import secrets
import time
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from multifleet.core.native import PID_MAX, Entry
from multifleet.sessions.claude_inbox import ReplySocket
from multifleet.sessions.claude_selftest import SelfTest, throwaway_folder
from multifleet.sessions.claude_wire import InboxEvent, Reply
from multifleet.sessions.mock_chat_api import MockChatApi
from multifleet.sessions.mock_messages_api import Answer
from multifleet.sessions.native_records import NativeRecords
from multifleet.sessions.qwen_inbox import write_line
from multifleet.sessions.qwen_selftest import isolated_qwen, prepare, registered, tried
from multifleet.sessions.qwen_shape import QwenShape
from multifleet.sessions.qwen_wire import status_line

NAME = "self/test"
FACTS = {
    "listed": "the client lists a record of ours as a session",
    "written": "what its model sends to that name arrives at our socket",
    "told": "a notice about it is shown to the user",
}
"""The facts that are tried, in their order."""


async def qwen_native_self_test(command: Sequence[str], version: str, timeout: float = 40.0) -> SelfTest:
    """Runs the client for some seconds and tries the FACTS; never raises for what the client does."""
    return await tried(FACTS, partial(_try_facts, command), version, timeout)


async def _try_facts(command: Sequence[str], held: set[str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(throwaway_folder()))
        registry = prepare(home)
        events: asyncio.Queue[InboxEvent] = asyncio.Queue()
        own = await ReplySocket.open(secrets.token_hex(8), events.put_nowait)
        stack.push_async_callback(own.aclose)
        entry = Entry(NAME, PID_MAX + 1, str(uuid.uuid4()), "", time.time())
        records = NativeRecords(registry.home, f"multifleet:self-test:{secrets.token_hex(8)}", QwenShape())
        records.put(entry, own.path, time.time())
        api = await stack.enter_async_context(MockChatApi())
        ask, text = secrets.token_hex(12), secrets.token_hex(12)
        api.when(ask, Answer(tools=(("list_agents", {}),)), once=True)
        api.when(NAME, Answer(tools=(("send_message", {"to": NAME, "message": text}),)), once=True)
        process, screen = await stack.enter_async_context(isolated_qwen(command, home, api.url, ask))
        session = await registered(registry, process)
        while not isinstance(event := await events.get(), Reply):
            continue
        if any(f'"to":"{NAME}"' in api.text_of(body["messages"]) for body in api.requests):
            held.add("listed")
        if event.text != text or event.message_id is None:
            return
        held.add("written")
        line = status_line(
            line_id=str(uuid.uuid4()), about=event.message_id, status="held", reason="-", from_path=str(own.path)
        )
        await write_line(registry, session, line)
        await screen.shows(b"is held")
        held.add("told")
