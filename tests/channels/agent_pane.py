"""A small program with an agent's name and prompt, in a tmux server of the test's own."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

from multifleet.channels.base import ChannelError

AGENT = """
import os, sys, termios, tty
old = termios.tcgetattr(0); tty.setraw(0)
draft, rule = sys.argv[1] if len(sys.argv) > 1 else "", "\\u2500" * 78
os.write(1, b"\\x1b[?2004h")
def draw():
    shown = "\\u276f\\xa0" + draft
    width = os.get_terminal_size(1).columns
    rows = [shown[n:n + width] for n in range(0, len(shown), width)] or [""]
    text = "\\x1b[2J\\x1b[H" + "\\r\\n".join(["agent", rule, *rows, rule, "? for shortcuts"])
    text += f"\\x1b[{3 + len(shown) // width};{len(shown) % width + 1}H"
    os.write(1, text.encode())
draw()
while True:
    more = os.read(0, 65536).decode(errors="replace").replace("\\x1b[200~", "").replace("\\x1b[201~", "")
    if "\\r" in more: os.write(1, b"SUBMITTED")
    draft += more
    draw()
"""


class Terminals:
    """tmux on a socket folder of its own; `run` is what SSH would be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = folder / f"tmux-{os.getuid()}"
        self.sockets.mkdir(parents=True, mode=0o700)
        self.server = "one"
        """The one that is meant where none is named."""
        self.commands: list[tuple[str, bytes]] = []
        (folder / "agent.py").write_text(AGENT)
        (folder / "claude").symlink_to(shutil.which(sys.executable) or sys.executable)

    async def run(self, command: str, stdin: bytes) -> bytes:
        """In a shell of its own, as sshd does it."""
        self.commands.append((command, stdin))
        env = os.environ | {"TMUX_TMPDIR": str(self.folder)}
        env.pop("TMUX", None)
        made = await asyncio.create_subprocess_exec(
            "bash", "-c", command, stdin=-1, stdout=-1, stderr=-1, env=env, start_new_session=True
        )
        out, err = await made.communicate(stdin)
        if made.returncode:
            raise ChannelError(err.decode(errors="replace").strip() or f"status {made.returncode}")
        return out

    async def tmux(self, *words: str, server: str = "") -> str:
        """A command of the test's own."""
        made = await asyncio.create_subprocess_exec(
            "tmux", "-S", str(self.sockets / (server or self.server)), "-f", "/dev/null", *words, stdout=-1, stderr=-1
        )
        return (await made.communicate())[0].decode()

    async def start(self, *command: str, server: str = "", shows: str) -> None:
        """A pane with this program, once it shows a text."""
        await self.tmux("new-session", "-d", "-s", "s", "-x", "100", "-y", "30", *command, server=server)
        try:
            async with asyncio.timeout(30):
                while shows not in await self.screen(server):  # noqa: ASYNC110  no event tells it
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"it shows: {await self.screen(server)}") from None

    async def agent(self, draft: str = "", server: str = "") -> None:
        """A pane with the agent."""
        program, script = str(self.folder / "claude"), str(self.folder / "agent.py")
        await self.start(program, script, draft, server=server, shows="for shortcuts")

    async def screen(self, server: str = "") -> str:
        return await self.tmux("capture-pane", "-p", "-t", "s", server=server)

    async def end(self) -> None:
        """All servers; the next is another, for one that ends still takes connections."""
        for server in list(self.sockets.glob("*")):
            await self.tmux("kill-server", server=server.name)
        self.server += "-more"
