"""A real, unmodified Claude Code in a home of its own, driven through tmux, against our scripted API on loopback."""

import asyncio
import contextlib
import json
import os
import re
import secrets
import shlex
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from multifleet.core.transcript import Fact, Sighting, TranscriptProof
from multifleet.sessions.base import Session
from multifleet.sessions.claude_inbox import ReplySocket, post
from multifleet.sessions.claude_registry import ClaudeRegistry
from multifleet.sessions.claude_transcript import TranscriptFile
from multifleet.sessions.claude_wire import InboxEvent
from multifleet.sessions.mock_messages_api import MockMessagesApi
from tests.lab.client_install import CLAUDE_VERSION, claude_program

KEY = "sk-test-fake-0123456789abcdef"


async def until(condition: Callable[[], Any], timeout: float = 60.0, what: str = "") -> Any:
    """The condition's first true value; it is about another program, which sends no event when it comes true."""
    try:
        async with asyncio.timeout(timeout):
            while not (value := condition()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            return value
    except TimeoutError:
        raise AssertionError(f"not within {timeout} s: {what or condition}") from None


class RealClaude:
    """`async with RealClaude(api, home) as claude`: an interactive session at its prompt; several may share a home."""

    def __init__(
        self,
        api: MockMessagesApi,
        home: Path,
        *arguments: str,
        mode: str = "default",
        version: str = CLAUDE_VERSION,
        **environment: str,
    ) -> None:
        self.version = version
        self.api = api
        self.home = home
        self.folder = home / "project"
        self.registry = ClaudeRegistry(home / ".claude")
        self.arguments = ["--permission-mode", mode, *arguments]
        self.environment = environment
        self.preferences: dict[str, Any] = {}
        """What else stands in the client's own file."""
        self.session: Session
        self._server = f"mf-{secrets.token_hex(6)}"

    async def __aenter__(self) -> Self:
        self.prepare()
        before = {session.pid for session in self.registry.find().sessions}
        command = ["env", "-i", *(f"{k}={v}" for k, v in self.variables().items()), claude_program(self.version)]
        line = "exec " + shlex.join([*command, *self.arguments])
        await self.tmux("new-session", "-d", "-s", "s", "-x", "160", "-y", "50", "-c", str(self.folder), line)
        self.session = await until(lambda: self._new(before), 90.0, "a registered session")
        await self.wait_screen("❯")
        return self

    async def __aexit__(self, *exc: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.session.pid, signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            await until(lambda: not os.path.exists(f"/proc/{self.session.pid}"), 8.0)
        if self.session.socket is not None:
            self.session.socket.unlink(missing_ok=True)  # a killed client leaves it behind
        await self.tmux("kill-server")
        folder = os.environ.get("TMUX_TMPDIR") or tempfile.gettempdir()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{folder}/tmux-{os.getuid()}/{self._server}")

    def prepare(self) -> None:
        """A home whose first-run questions are answered, so that no dialog blocks."""
        (self.home / ".claude").mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(exist_ok=True)
        trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        config = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "bypassPermissionsModeAccepted": True,
            "projects": {str(self.home): trusted, str(self.folder): trusted},
            **self.preferences,
        }
        (self.home / ".claude.json").write_text(json.dumps(config))

    def variables(self) -> dict[str, str]:
        """All that the client is given."""
        return {
            "HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "IS_SANDBOX": "1",
            "ANTHROPIC_BASE_URL": self.api.url,
            "ANTHROPIC_API_KEY": KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            **self.environment,
        }

    async def ask(self, prompt: str, *arguments: str) -> dict[str, Any]:
        """One `claude -p` in the same folder; its result."""
        self.prepare()
        command = [claude_program(self.version), "-p", "--output-format", "json", *arguments]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env=self.variables(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate(prompt.encode())
        return {"returncode": process.returncode, **json.loads(output)}

    async def prompt(self, text: str) -> None:
        """Types a prompt and submits it."""
        await self.tmux("send-keys", "-t", "s", "-l", text)
        await self.wait_screen(text[:40])
        await self.tmux("send-keys", "-t", "s", "Enter")

    async def keys(self, *names: str) -> None:
        """Presses keys by tmux's names."""
        await self.tmux("send-keys", "-t", "s", *names)

    async def choose(self, label: str) -> None:
        """Takes the choice of this name in a dialog, which ignores every key in its first moment."""
        await self.wait_screen(label)
        try:
            async with asyncio.timeout(60.0):
                while label in (shown := await self.shown()):
                    await self.keys("Enter" if re.search(rf"❯[^\n]*{label}", shown) else "Down")
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise AssertionError(f"the dialog with {label} did not close: {await self.shown()}") from None

    async def wait_status(self, status: str) -> None:
        """Waits until the registry says idle, busy or waiting."""
        await until(lambda: (now := self.now()) and now.status == status, what=f"status {status}")

    async def wait_screen(self, text: str) -> None:
        """Waits until a person would see the text."""
        try:
            async with asyncio.timeout(60.0):
                while text not in await self.shown():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{text} is not to be seen: {await self.shown()}") from None

    async def shown(self) -> str:
        """The screen as a person sees it."""
        return await self.tmux("capture-pane", "-p", "-t", "s")

    def now(self) -> Session | None:
        """The session as it is now."""
        return self.registry.reread(self.session)

    async def tmux(self, *words: str) -> str:
        """A command to this session's own tmux server; its output."""
        process = await asyncio.create_subprocess_exec(
            *("tmux", "-L", self._server, "-f", "/dev/null", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate()
        return output.decode()

    def _new(self, before: set[int]) -> Session | None:
        sessions = self.registry.find().sessions
        return next((s for s in sessions if s.pid not in before and self._is_open(s)), None)


    def _is_open(self, session: Session) -> bool:
        """Whether it has all that a session of this version has."""
        return session.socket is not None or self.version != CLAUDE_VERSION


class Offering:
    """What the daemon does with one session: posts, and follows receipts and transcript."""

    def __init__(self, claude: RealClaude, reply: ReplySocket, events: list[InboxEvent]) -> None:
        self.claude = claude
        self.reply = reply
        self.events = events
        self.proof = TranscriptProof()
        self.sightings: list[Sighting] = []
        transcript = claude.session.transcript
        assert transcript is not None
        self._file = TranscriptFile(transcript)

    async def post(self, offer_id: str, text: str, *, token: str = "", **more: Any) -> None:
        """Offers a text to the session; the proof looks for it."""
        token = token or f"mf_{secrets.token_hex(12)}"
        self.proof.watch(offer_id, token)
        await post(
            self.claude.registry,
            more.pop("session", self.claude.session),
            offer_id=offer_id,
            text=text,
            reply=self.reply,
            from_name="mac2/web",
            from_session=token,
            **more,
        )

    def fact(self, offer_id: str) -> Fact:
        """What the transcript proves now."""
        while data := self._file.read():
            self.sightings += self.proof.feed(data)
        return self.proof.fact(offer_id)

    async def wait(self, offer_id: str, fact: Fact) -> None:
        """Waits until the transcript proves this much."""
        await until(lambda: self.fact(offer_id).height >= fact.height, what=f"{fact} for {offer_id}")

    async def wait_ended(self, offer_id: str) -> Sighting:
        """Waits until the turn is over that the offer entered."""

        def ended() -> Sighting | None:
            self.fact(offer_id)
            return next((s for s in self.sightings if s.offer_id == offer_id and s.ended), None)

        found: Sighting = await until(ended, what=f"the end of the turn of {offer_id}")
        return found
