"""Finds out what a session of this machine is about.

Whoever asks, and however often: a session is looked at by one at a time, and what was found is told again for a while.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from multifleet.core.recent import Recent
from multifleet.node.clock import NodeClock
from multifleet.node.offering.own_cards import branches_of
from multifleet.node.offering.showing import Shown
from multifleet.node.offering.wishes import wish_of
from multifleet.sessions.claude_gold import gold_of
from multifleet.sessions.claude_transcript import transcript_path
from multifleet.store.rows import InboxRow

EVERY = 2.0
"""Seconds for which what was found is told again: megabytes are read for it."""
KEPT = 256
"""Sessions of which it is."""

Show = Callable[..., Shown]


class Golds:
    """One for the node."""

    def __init__(self, config: Path, clock: NodeClock) -> None:
        """`config`: the client's folder."""
        self._config = config
        self._clock = clock
        self._found: Recent[tuple[str, str], tuple[float, tuple[str, ...]]] = Recent(KEPT)
        self._lock = asyncio.Lock()

    async def words_of(self, session_id: str, cwd: str) -> tuple[str, ...]:
        """A few words; none where nothing is written down."""
        async with self._lock:
            found = self._found.get((session_id, cwd))
            if found is None or self._clock.monotonic() - found[0] >= EVERY:
                branches = await branches_of([cwd])
                words = await asyncio.to_thread(_words, self._config, session_id, cwd, branches.get(cwd, ""))
                self._found.put((session_id, cwd), found := (self._clock.monotonic(), words))
            return found[1]

    async def shown(
        self, show: Show, offer_id: str, rows: Sequence[InboxRow], is_digest: bool, where: tuple[str, str]
    ) -> Shown:
        """The text of an offer; `where`: the session, and its folder.

        The gold is looked for where the sender of one of these messages wishes it to be shown, and nowhere else.
        """
        about = await self.words_of(*where) if any(wish_of(row).smart for row in rows) else ()
        return await asyncio.to_thread(show, offer_id, rows, is_digest, about)


def _words(config: Path, session_id: str, cwd: str, branch: str) -> tuple[str, ...]:
    return gold_of(transcript_path(config, cwd, session_id), branch)
