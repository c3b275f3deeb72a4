"""The terminals of a machine that are reached over SSH: looks for panes of tmux (and on macOS sessions of iTerm2) that
run an agent, and puts one line into the prompt of one. Never presses Enter.

Commands are fixed; the text goes in by standard input alone.
"""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from multifleet.channels import iterm
from multifleet.channels.base import ChannelError
from multifleet.core import panes
from multifleet.core.panes import PANE_FORMAT, STATE_FORMAT, Pane

Run = Callable[[str, bytes], Awaitable[bytes]]
"""(command for the login shell there, standard input) -> what it printed; ChannelError where it fails."""

MANY = 16
"""Panes that are looked at."""
LOOKS, PAUSE = 50, 0.1
"""How often it is looked whether a text is shown, as far as the channel has time for it, and the seconds between: the
client draws it a moment later, and a busy machine later still."""
_PATH = 'PATH="$PATH:/opt/homebrew/bin:/usr/local/bin"'
_LOOK = (
    f"{_PATH}; export PATH; uname -s; ps -A -ww -o pid=,pgid=,tpgid=,tty=,args=; "
    'd="${TMUX_TMPDIR:-/tmp}/tmux-$(id -u)"; [ -O "$d" ] || exit 0; '
    'for s in "$d"/*; do [ -S "$s" ] || continue; echo "socket $s"; '
    f'tmux -S "$s" list-panes -a -F "{PANE_FORMAT}" 2>/dev/null; done; exit 0'
)
_SOCKET = "socket "


@dataclass(frozen=True, slots=True)
class Place:
    """A prompt that may be typed into, as it was when it was looked at."""

    agent: str
    name: str
    """How a person finds it."""
    pane: Pane | None
    state: str
    """Of a pane of tmux, in STATE_FORMAT."""
    tty: str = ""
    """Of a session of iTerm2."""


async def find_place(run: Run) -> Place:
    """The prompt of an agent that is free, the one used last first; ChannelError says why there is none."""
    text = (await run(f"exec sh -c {shlex.quote(_LOOK)}", b"")).decode(errors="replace")
    system, _, rest = text.partition("\n")
    ps, *servers = rest.split(f"\n{_SOCKET}")
    processes = panes.read_processes(ps)
    found = [pane for server in servers for pane in panes.read_panes(*_server(server))]
    agents = panes.agent_panes(found, processes)
    reasons = []
    for pane, agent in agents[:MANY]:
        state, screen = await _screen(run, pane)
        why_not = panes.why_not_typed(state, screen)
        if not why_not:
            return Place(agent, f"{agent} in tmux {pane.id}", pane, state)
        reasons.append(f"{agent} in tmux {pane.id}: {why_not}")
    if system == "Darwin":
        for tty, screen in iterm.read_sessions((await run(_words(iterm.ARGV), iterm.LIST)).decode(errors="replace")):
            agent = panes.program_of(tty, processes)
            if agent not in panes.AGENTS:
                continue
            why_not = panes.why_not_typed_blind(screen)
            if not why_not:
                return Place(agent, f"{agent} in iTerm2 {tty}", None, "", tty)
            reasons.append(f"{agent} in iTerm2 {tty}: {why_not}")
    raise ChannelError("; ".join(reasons) or f"no agent runs in a terminal there ({len(found)} panes of tmux)")


async def type_line(run: Run, place: Place, line: str, buffer: str) -> None:
    """Put the line into the prompt, if that is still as it was; ChannelError where not, or where it does not show."""
    assert line.isprintable() and buffer.isalnum()
    if place.pane is None:
        await run(_words(iterm.ARGV), iterm.write_text(place.tty, line))
        return
    tmux, pane = ("tmux", "-S", place.pane.server), place.pane.id
    await _tmux(run, (*tmux, "load-buffer", "-b", buffer, "-"), line.encode())
    same = f"#{{==:{STATE_FORMAT},{place.state}}}"
    yes = f"paste-buffer -p -d -b {buffer} -t {pane} ; display-message -p typed"
    no = f"delete-buffer -b {buffer} ; display-message -p changed"
    said = await _tmux(run, (*tmux, "if-shell", "-F", "-t", pane, same, yes, no))
    if said.strip() != b"typed":
        raise ChannelError(f"{place.name}: somebody typed there just now")
    for _ in range(LOOKS):
        _, screen = await _screen(run, place.pane)
        if panes.shows(screen, line):
            return
        await asyncio.sleep(PAUSE)
    raise ChannelError(f"{place.name}: it was put there and does not show", unknown=True)


def _server(text: str) -> tuple[str, str]:
    path, _, rest = text.partition("\n")
    return path, rest


async def _screen(run: Run, pane: Pane) -> tuple[str, str]:
    """The pane's state, and the lines that it shows."""
    looked = ("display-message", "-p", "-t", pane.id, STATE_FORMAT, ";", "capture-pane", "-p", "-t", pane.id)
    text = (await _tmux(run, ("tmux", "-S", pane.server, *looked))).decode(errors="replace")
    state, _, screen = text.partition("\n")
    return state, screen


async def _tmux(run: Run, words: Sequence[str], stdin: bytes = b"") -> bytes:
    return await run(f"{_PATH} exec {_words(words)}", stdin)


def _words(words: Sequence[str]) -> str:
    return " ".join(map(shlex.quote, words))
