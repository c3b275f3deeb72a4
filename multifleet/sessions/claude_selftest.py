"""Asks an installed Claude Code whether its session inbox still works as it was measured to, before it is
relied on.

The real program runs in a throwaway home against a scripted API on loopback: nothing of the user's settings,
keys or environment goes in, and no request leaves the machine.
"""

import asyncio
import contextlib
import os
import re
import secrets
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from multifleet.core.transcript import Fact, TranscriptProof
from multifleet.paths import program_on
from multifleet.sessions.base import Rereads, Session, UnknownOutcome, Unreachable
from multifleet.sessions.claude_inbox import ReplySocket, SocketTaken, post
from multifleet.sessions.claude_registry import ClaudeRegistry
from multifleet.sessions.claude_transcript import TranscriptFile, transcript_path
from multifleet.sessions.claude_wire import InboxEvent, Reply
from multifleet.sessions.mock_messages_api import Answer, MockMessagesApi

TRUSTED = frozenset({"2.1.329"})
"""Versions with which everything here was measured; any other one is asked first."""

END_SECONDS = 3.0
"""For a client to end before it is killed."""
POLL = 0.03
WORKER = (
    *("-p", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json"),
    *("--permission-mode", "default"),
)
"""Arguments for a session that needs no terminal and waits for input while its stdin is open."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What was found; `failed` names the facts that no longer hold, `at` is in wall-clock seconds."""

    version: str | None
    ok: bool
    detail: str
    at: float
    failed: tuple[str, ...] = ()


FACTS = {
    "registered": "the client registers its session with an inbox",
    "delivered": "a message posted to the inbox reaches the model",
    "proved": "the transcript proves that the model answered it",
    "replied": "the model's reply arrives at our address",
    "pinned": "a message for another conversation is dropped",
}
"""The facts that are tried, in their order."""


def find_claude(environ: Mapping[str, str]) -> Path | None:
    """The installed client, as this user's shell would find it, or where its installer puts it."""
    home = Path(environ.get("HOME") or Path.home())
    found = program_on(environ.get("PATH", os.defpath), "claude")
    places = [Path(found)] if found else [home / ".local/bin/claude", home / ".claude/local/claude"]
    return next((place for place in places if os.access(place, os.X_OK)), None)


async def claude_version(binary: Path, timeout: float = 10.0) -> str | None:
    """What `claude --version` says, as digits; None when it says nothing that looks like it."""
    with throwaway_folder() as home:
        async with isolated_client(
            binary, ["--version"], Path(home), "http://127.0.0.1:9", stdout=asyncio.subprocess.PIPE
        ) as process:
            try:
                async with asyncio.timeout(timeout):
                    output, _ = await process.communicate()
            except TimeoutError:
                return None
    found = re.match(rb"([0-9]+\.[0-9]+\.[0-9]+)\b", output)
    return found[1].decode() if found else None


async def self_test(binary: Path, timeout: float = 20.0) -> SelfTest:
    """Runs the client for some seconds and tries the FACTS; never raises for what the client does."""
    try:
        version = await claude_version(binary, min(10.0, timeout))
    except OSError as error:
        return SelfTest(None, False, f"{binary} cannot be run: {error.strerror}", time.time(), tuple(FACTS))
    held: set[str] = set()
    try:
        async with asyncio.timeout(timeout):
            await _try_facts(binary, held)
    except (TimeoutError, OSError, Unreachable, UnknownOutcome, SocketTaken):
        pass  # which fact was not reached says it all
    failed = tuple(fact for fact in FACTS if fact not in held)
    says = f"failed: {'; '.join(FACTS[fact] for fact in failed)}" if failed else "everything holds"
    return SelfTest(version, not failed, says, time.time(), failed)


async def _try_facts(binary: Path, held: set[str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(throwaway_folder()))
        config = home / ".claude"
        os.mkdir(config, 0o700)
        events: asyncio.Queue[InboxEvent] = asyncio.Queue()
        own = await ReplySocket.open(secrets.token_hex(8), events.put_nowait)
        stack.push_async_callback(own.aclose)
        api = await stack.enter_async_context(MockMessagesApi())
        process = await stack.enter_async_context(isolated_client(binary, WORKER, home, api.url))
        registry = ClaudeRegistry(config)
        session = await registered(registry, process)
        held.add("registered")
        await _try_messages(registry, session, own, events, api, held)


async def _try_messages(
    registry: ClaudeRegistry,
    session: Session,
    own: ReplySocket,
    events: asyncio.Queue[InboxEvent],
    api: MockMessagesApi,
    held: set[str],
) -> None:
    mark, stray_mark, answer, reply = (secrets.token_hex(12) for _ in range(4))
    api.when(
        mark,
        Answer(tools=(("SendMessage", {"to": own.address, "summary": "-", "message": reply}),)),
        once=True,
    )
    api.default = Answer(text=answer)
    stray = replace(session, session_id=str(uuid.uuid4()))
    await _offer(_AsIs(stray), stray, own, str(uuid.uuid4()), "mf_stray", stray_mark)
    offer, token = str(uuid.uuid4()), f"mf_{secrets.token_hex(12)}"
    proof = TranscriptProof()
    proof.watch(offer, token)
    await _offer(registry, session, own, offer, token, mark)
    if await api.wait_for(mark, 60.0):
        held.add("delivered")
    if not api.given(stray_mark):
        held.add("pinned")
    file = TranscriptFile(transcript_path(registry.config, session.cwd, session.session_id))
    while proof.answer(offer) is None:
        if data := file.read():
            proof.feed(data)
        else:
            await asyncio.sleep(POLL)
    if proof.fact(offer) is Fact.SEEN and proof.answer(offer) == answer:
        held.add("proved")
    event = await events.get()
    if isinstance(event, Reply) and event.text == reply and event.pid == session.pid:
        held.add("replied")


async def _offer(source: Rereads, session: Session, own: ReplySocket, offer: str, token: str, text: str) -> None:
    await post(source, session, offer_id=offer, text=text, reply=own, from_name="self/test", from_session=token)


@contextlib.contextmanager
def throwaway_folder() -> Iterator[str]:
    """A folder that is gone with the block."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mf-selftest-", ignore_cleanup_errors=True) as folder:
        yield os.path.realpath(folder)


class _AsIs:
    """A source that believes what it is told: to post for a conversation that the client does not have."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def reread(self, session: Session) -> Session | None:
        return self._session


async def registered(registry: ClaudeRegistry, process: asyncio.subprocess.Process) -> Session:
    """The session of a client that was just started, once it can be written to."""
    while process.returncode is None:
        for session in registry.find().sessions:
            if session.pid == process.pid and session.socket is not None:
                return session
        await asyncio.sleep(POLL)
    raise Unreachable("the client ended")


@contextlib.asynccontextmanager
async def isolated_client(
    binary: Path,
    arguments: Sequence[str],
    home: Path,
    url: str,
    *,
    folder: Path | None = None,
    stdout: int = asyncio.subprocess.DEVNULL,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The client in a home of its own, with the API at `url`, in `folder` (the home); ended with the block."""
    environment = {
        "HOME": os.fspath(home),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "none-needed-on-loopback",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
    }
    process = await asyncio.create_subprocess_exec(
        binary,
        *arguments,
        cwd=folder or home,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=stdout,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """All of its group; within seconds."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    ends = asyncio.create_task(process.communicate())
    try:
        # Not asyncio.timeout: before Python 3.11.3 that does not tell of its time-out inside of another one's.
        await asyncio.wait([ends], timeout=END_SECONDS)
    finally:
        if not ends.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await ends
