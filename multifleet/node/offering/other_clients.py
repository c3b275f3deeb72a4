"""The sessions of Codex, Gemini CLI and Qwen Code on this machine: what their start hooks told, and what still runs.

That a session's hook has told of it is the proof that its hooks run at all: only then is anything laid ready for it.
"""

import os
import sys
from pathlib import Path

import msgspec

from multifleet.node.clock import NodeClock
from multifleet.sessions import codex_threads, gemini_chat, qwen_chat, qwen_registry
from multifleet.sessions.base import Session, Status
from multifleet.sessions.codex_threads import CodexThreads
from multifleet.sessions.gemini_chat import GeminiChats, is_chat
from multifleet.sessions.processes import owner_of, started_at
from multifleet.sessions.qwen_registry import QwenRegistry
from multifleet.store.store import Store

NOTE, MOST = "announced_sessions", 200
"""The key in the store, and how many sessions are remembered."""
SHOWN_AT_START = frozenset({"codex"})
"""Clients whose start hook may show something: Gemini CLI would not know a command any more that follows it, and Qwen
Code would put it among its own instructions."""


class Announced(msgspec.Struct, frozen=True):
    """A session that its start hook told of."""

    client: str
    session: str
    cwd: str
    pid: int
    start: str
    """Of the process; empty where the hook could not tell it."""
    at: float
    transcript: str = ""
    """The file of its conversation; empty where the client keeps none that is known."""


class OtherClients:
    """One for the node; `load` before the others."""

    def __init__(self, store: Store, clock: NodeClock, codex: CodexThreads, qwen: QwenRegistry) -> None:
        self._store = store
        self._clock = clock
        self._codex = codex
        self._qwen = qwen
        self._chats = GeminiChats()
        self._announced: dict[str, Announced] = {}

    async def load(self) -> None:
        """What an earlier run was told."""
        noted = await self._store.meta.get(NOTE)
        for one in msgspec.json.decode(noted, type=list[Announced]) if noted else []:
            self._announced.setdefault(one.session, one)

    def announce(
        self, client: str, session_id: str, cwd: str, pid: int | None, transcript: str | None = None
    ) -> Session:
        """A start hook ran; in its process an earlier conversation is over."""
        start = started_at(pid) if pid is not None and owner_of(pid) == os.getuid() else None
        known = transcript if transcript and _is_chat(client, session_id, transcript) else ""
        told = Announced(client, session_id, cwd, pid or 0, start or "", self._clock.wall(), known)
        if client != codex_threads.CLIENT:
            former = [one.session for one in self._announced.values() if (one.pid, one.start) == (told.pid, told.start)]
            for session in former if told.start else ():
                del self._announced[session]
        self._announced.pop(session_id, None)
        self._announced[session_id] = told
        while len(self._announced) > MOST:
            del self._announced[next(iter(self._announced))]
        self._store.meta.set_later(NOTE, msgspec.json.encode(list(self._announced.values())).decode())
        return self._session(told)

    def chat_of(self, session_id: str) -> tuple[str, Path] | None:
        """The client and the file of a conversation that Gemini CLI or Qwen Code keeps."""
        told = self._announced.get(session_id)
        if told is not None and told.transcript:
            return told.client, Path(told.transcript)
        found = qwen_chat.find_chat(self._qwen.home, session_id)
        return (qwen_registry.CLIENT, found) if found is not None else None

    def runs_hooks(self, session_id: str) -> bool:
        """Whether this session's hooks are known to run."""
        return session_id in self._announced

    def find(self) -> tuple[Session, ...]:
        """The live sessions now. Blocks for the disk."""
        threads, registered = self._codex.find().sessions, self._qwen.find().sessions
        known = {one.session_id for one in (*threads, *registered)}
        # What a process that tells of its conversations does not tell of any more, is over.
        telling = {(one.pid, one.proc_start) for one in registered}
        others = [one for one in list(self._announced.values()) if self._lives(one, known)]
        others = [one for one in others if one.client != qwen_registry.CLIENT or (one.pid, one.start) not in telling]
        self._chats.keep({Path(one.transcript) for one in others if one.transcript})
        return (*threads, *registered, *map(self._session, others))

    def _lives(self, one: Announced, known: set[str]) -> bool:
        if one.session in known or not one.start:
            return False
        if one.client == codex_threads.CLIENT and sys.platform.startswith("linux"):
            return False  # a live thread of Codex is found by its lock
        return started_at(one.pid) == one.start

    def _session(self, one: Announced) -> Session:
        chat = Path(one.transcript) if one.transcript else None
        status, written_at = Status.UNKNOWN, 0.0
        if chat is not None and one.client == gemini_chat.CLIENT:
            status, written_at = self._chats.status(chat)
            chat = chat if written_at else None
        return Session(
            client=one.client,
            session_id=one.session,
            pid=one.pid,
            proc_start=one.start,
            cwd=one.cwd,
            name="",
            status=status,
            version="",
            entrypoint="",
            socket=None,
            transcript=chat,
            started_at=one.at,
            updated_at=max(one.at, written_at),
            kind="",
            status_at=written_at if status is Status.IDLE else 0.0,
        )


def _is_chat(client: str, session_id: str, path: str) -> bool:
    if client == qwen_registry.CLIENT:
        return qwen_chat.is_chat(path, session_id)
    return client == gemini_chat.CLIENT and is_chat(path)
