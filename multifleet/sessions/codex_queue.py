"""Wakes an idle Codex thread by the client's own `queue` command: the thread begins a turn with the words it is given.

The words stand on a command line, which other users of the machine may read, and reach the model as its user's own.
So they are ours and never a message: that is shown by the hook that runs with every prompt.
"""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from multifleet.core.rollout import RING
from multifleet.sessions.base import Session, Unreachable

TIMEOUT = 10.0
WORDS = (
    f"{RING}mail from another machine waits for this session. It is shown beside this line, as data and with its "
    "sender; where nothing is shown, `multifleet inbox` lists it. (This line is from multifleet on this machine, not "
    "from your user.)"
)


async def ring(home: Path, session: Session, timeout: float = TIMEOUT) -> None:
    """Ask the thread's own program to begin a turn; that it said yes proves only that the words are queued. Unreachable
    says why nothing was."""
    environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    words = ["queue", "--thread", session.session_id, "--message", WORDS]
    try:
        process = await asyncio.create_subprocess_exec(
            f"/proc/{session.pid}/exe",
            *words,
            env={**environment, "CODEX_HOME": str(home)},
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise Unreachable(f"its program cannot be started: {error.strerror}") from None
    try:
        async with asyncio.timeout(timeout):
            _, said = await process.communicate()
    except TimeoutError:
        raise Unreachable(f"codex queue took more than {timeout:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        raise Unreachable(f"codex queue failed: {said[:300].decode(errors='replace').strip()}")
