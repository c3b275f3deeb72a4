"""Asks an installed Claude Code whether it lists a record of ours as a session and writes to it, before it gets any.

Like the self-test of the inbox it runs the real program in a throwaway home against a scripted API on loopback.
"""

import asyncio
import contextlib
import json
import os
import secrets
import time
import uuid
from pathlib import Path

from multifleet.core.native import PID_MAX, Entry
from multifleet.sessions.base import UnknownOutcome, Unreachable
from multifleet.sessions.claude_inbox import ReplySocket, SocketTaken, post, report
from multifleet.sessions.claude_registry import ClaudeRegistry
from multifleet.sessions.claude_selftest import WORKER, SelfTest, isolated_client, registered, throwaway_folder
from multifleet.sessions.claude_shape import ClaudeShape
from multifleet.sessions.claude_wire import InboxEvent, Reply
from multifleet.sessions.mock_messages_api import Answer, MockMessagesApi
from multifleet.sessions.native_records import NativeRecords
from multifleet.sessions.own_files import NotOurs

NAME = "self/test"
FACTS = {
    "listed": "the client lists a record of ours as a session",
    "written": "what its model sends to that name arrives at our socket",
    "told": "a notice about it reaches the model",
}
"""The facts that are tried, in their order."""


async def native_self_test(binary: Path, version: str, timeout: float = 20.0) -> SelfTest:
    """Runs the client for some seconds and tries the FACTS; never raises for what the client does."""
    held: set[str] = set()
    try:
        async with asyncio.timeout(timeout):
            await _try_facts(binary, held)
    except (TimeoutError, OSError, Unreachable, UnknownOutcome, SocketTaken, NotOurs):
        pass  # which fact was not reached says it all
    failed = tuple(fact for fact in FACTS if fact not in held)
    says = f"failed: {'; '.join(FACTS[fact] for fact in failed)}" if failed else "everything holds"
    return SelfTest(version, not failed, says, time.time(), failed)


async def _try_facts(binary: Path, held: set[str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(throwaway_folder()))
        os.mkdir(home / ".claude", 0o700)
        events: asyncio.Queue[InboxEvent] = asyncio.Queue()
        own = await ReplySocket.open(secrets.token_hex(8), events.put_nowait)
        stack.push_async_callback(own.aclose)
        api = await stack.enter_async_context(MockMessagesApi())
        process = await stack.enter_async_context(isolated_client(binary, WORKER, home, api.url))
        registry = ClaudeRegistry(home / ".claude")
        session = await registered(registry, process)
        entry = Entry(NAME, PID_MAX + 1, str(uuid.uuid4()), "", time.time())
        records = NativeRecords(registry.config, f"multifleet:self-test:{secrets.token_hex(8)}", ClaudeShape())
        records.put(entry, own.path, time.time())
        ask, text = secrets.token_hex(12), secrets.token_hex(12)
        send = {"to": NAME, "summary": "-", "message": text}
        api.when(ask, Answer(tools=(("ListAgents", {}),)), once=True)
        api.when(NAME, Answer(tools=(("SendMessage", send),)), once=True)
        await post(
            registry,
            session,
            offer_id=str(uuid.uuid4()),
            text=ask,
            reply=None,
            from_name="-",
            from_session=f"mf_{secrets.token_hex(12)}",
        )
        while not isinstance(event := await events.get(), Reply):
            continue
        if any(f"  {NAME} [" in json.dumps(body["messages"]) for body in api.requests):
            held.add("listed")
        if event.text != text or event.message_id is None:
            return
        held.add("written")
        await report(registry, session, about=event.message_id, status="held", reason="-", reply=own)
        if await api.wait_for("NOT delivered", 60.0):
            held.add("told")
