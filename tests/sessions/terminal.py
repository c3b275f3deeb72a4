"""A client at a terminal of its own: a tmux server that nothing else uses."""

import asyncio
import contextlib
import os
import secrets
import shlex
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PAUSE = 0.15
"""Seconds between a text and Enter, as a person's keys are apart; some clients take an Enter that comes at once for
a part of what was pasted."""


class Terminal:
    """`start` runs a program in it, `end` takes both away."""

    def __init__(self) -> None:
        self._server = f"mf-{secrets.token_hex(6)}"
        self._program = 0

    async def start(self, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> int:
        """The program's process; it is given these variables, that of its terminal, and no others."""
        words = ["env", "-i", *(f"{k}={v}" for k, v in variables.items())]
        line = f'exec {shlex.join(words)} TMUX="$TMUX" {shlex.join(command)}'
        await self.tmux("new-session", "-d", "-s", "s", "-x", "160", "-y", "50", "-c", str(folder), line)
        self._program = int((await self.tmux("list-panes", "-t", "s", "-F", "#{pane_pid}")).strip())
        return self._program

    async def end(self) -> None:
        """End the terminal, and with it what runs there."""
        await self.tmux("kill-server")
        if self._program:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._program, signal.SIGKILL)  # some clients stay without their terminal
        folder = os.environ.get("TMUX_TMPDIR") or tempfile.gettempdir()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{folder}/tmux-{os.getuid()}/{self._server}")

    async def prompt(self, text: str) -> None:
        """Types a prompt and submits it."""
        await self.type(text)
        await asyncio.sleep(PAUSE)
        await self.press("Enter")

    async def type(self, text: str) -> None:
        """Into the prompt, without Enter; until it shows."""
        await self.press("-l", text)
        await self.wait_screen(text[:40])

    async def press(self, *keys: str) -> None:
        """Keys by tmux's names."""
        await self.tmux("send-keys", "-t", "s", *keys)

    async def wait_screen(self, text: str, timeout: float = 60.0) -> None:
        """Waits until a person would see the text."""
        try:
            async with asyncio.timeout(timeout):
                while text not in await self.screen():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{text!r} is not on the screen:\n{await self.screen()}") from None

    async def screen(self) -> str:
        """What a person would see."""
        return await self.tmux("capture-pane", "-p", "-t", "s")

    async def tmux(self, *words: str) -> str:
        """A command to the tmux server; its output."""
        process = await asyncio.create_subprocess_exec(
            *("tmux", "-L", self._server, "-f", "/dev/null", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate()
        return output.decode()
