"""Asks an installed Qwen Code whether its inbox does what its maker documents, before it is relied on.

It runs the real program in a throwaway home, against a scripted API on loopback.
"""

import asyncio
import contextlib
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from multifleet.core.qwen_chat import QwenChatProof
from multifleet.core.transcript import Fact
from multifleet.sessions.base import Session, Unreachable
from multifleet.sessions.claude_inbox import ReplySocket
from multifleet.sessions.claude_selftest import POLL, SelfTest, throwaway_folder
from multifleet.sessions.claude_transcript import TranscriptFile
from multifleet.sessions.claude_wire import InboxEvent, Receipt
from multifleet.sessions.mock_chat_api import MockChatApi
from multifleet.sessions.mock_messages_api import Answer
from multifleet.sessions.qwen_chat import chat_path
from multifleet.sessions.qwen_inbox import ask_about, write_line
from multifleet.sessions.qwen_registry import QwenRegistry
from multifleet.sessions.qwen_selftest import command_of, isolated_qwen, prepare, registered, tried
from multifleet.sessions.qwen_wire import message_line

FACTS = {
    "registered": "the client registers its session with an inbox",
    "held": "a message that claims nothing is held for its user",
    "told": "what became of a message is told again to who asks",
    "pinned": "a message for another conversation is sent back",
    "delivered": "a message of a sender that asks its user reaches the model",
    "proved": "the file of the conversation proves that the model answered it",
}
"""The facts that are tried, in their order."""


async def qwen_self_test(command: Sequence[str], version: str, timeout: float = 60.0) -> SelfTest:
    """Runs the client for some seconds and tries the FACTS; never raises for what the client does."""
    return await tried(FACTS, partial(_try_facts, command), version, timeout)


async def _try_facts(command: Sequence[str], held: set[str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(throwaway_folder()))
        registry = prepare(home)
        events: asyncio.Queue[InboxEvent] = asyncio.Queue()
        own = await ReplySocket.open(secrets.token_hex(8), events.put_nowait)
        stack.push_async_callback(own.aclose)
        api = await stack.enter_async_context(MockChatApi())
        first = secrets.token_hex(12)
        process, _ = await stack.enter_async_context(isolated_qwen(command, home, api.url, first))
        session = await registered(registry, process)
        held.add("registered")
        await _try_messages(Trial(registry, session, own, events), api, held)


async def try_session(session: Session) -> SelfTest:
    """Tries the program that a session runs, in a home of its own."""
    try:
        command = command_of(session.pid)
    except Unreachable as error:
        return SelfTest(session.version, False, f"failed: {error}", time.time(), tuple(FACTS))
    return await qwen_self_test(command, session.version)


class Trial:
    """Posts to one session, and what it says of that."""

    def __init__(
        self, registry: QwenRegistry, session: Session, own: ReplySocket, events: asyncio.Queue[InboxEvent]
    ) -> None:
        self.registry = registry
        self.session = session
        self._own = own
        self._events = events

    async def post(self, text: str, mode: str | None, to: Session) -> tuple[str, str]:
        """Post a text as if to that session; the offer's id, and the first thing that is said of it."""
        offer = str(uuid.uuid4())
        line = message_line(
            text,
            offer_id=offer,
            session_id=to.session_id,
            from_path=str(self._own.path),
            from_name="self/test",
            from_mode=mode,
        )
        await write_line(self.registry, self.session, line)
        return offer, await self._said_of(offer)

    async def ask(self, offer: str) -> str:
        """What is said of an offer that was posted, once more."""
        await ask_about(self.registry, self.session, offer_id=offer, reply=self._own)
        return await self._said_of(offer)

    async def _said_of(self, offer: str) -> str:
        while True:
            event = await self._events.get()
            if isinstance(event, Receipt) and event.offer_id == offer:
                return event.status


async def _try_messages(trial: Trial, api: MockChatApi, held: set[str]) -> None:
    answer, mark, kept, stray = (secrets.token_hex(12) for _ in range(4))
    session = trial.session
    of_kept, said_of_kept = await trial.post(kept, None, session)
    if said_of_kept == await trial.ask(of_kept):
        held.add("told")
    _, said_of_stray = await trial.post(stray, "prompting", replace(session, session_id=str(uuid.uuid4())))
    proof = QwenChatProof()
    api.when(mark, Answer(text=answer))
    offer, _ = await trial.post(mark, "prompting", session)
    proof.watch(offer, mark)
    if await api.wait_for(mark, 60.0):
        held.add("delivered")
    if said_of_kept == "held" and not api.given(kept):
        held.add("held")
    if said_of_stray == "misaddressed" and not api.given(stray):
        held.add("pinned")
    file = TranscriptFile(chat_path(trial.registry.home, session.cwd, session.session_id))
    while not proof.sighting(offer).ended:
        if data := file.read():
            proof.feed(data)
        else:
            await asyncio.sleep(POLL)
    if proof.sighting(offer).fact is Fact.SEEN and proof.sighting(offer).answer == answer:
        held.add("proved")
