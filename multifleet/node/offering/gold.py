"""Finds out what a session of this machine is about."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from multifleet.node.offering.own_cards import branches_of
from multifleet.node.offering.showing import Shown
from multifleet.node.offering.wishes import wish_of
from multifleet.sessions.claude_gold import gold_of
from multifleet.sessions.claude_transcript import transcript_path
from multifleet.store.rows import InboxRow


async def words_of(config: Path, session_id: str, cwd: str) -> tuple[str, ...]:
    """A few words; none where nothing is written down."""
    branches = await branches_of([cwd])
    return await asyncio.to_thread(_words, config, session_id, cwd, branches.get(cwd, ""))


async def with_gold(
    show: Callable[..., Shown], offer_id: str, rows: Sequence[InboxRow], is_digest: bool, where: tuple[Path, str, str]
) -> Shown:
    """The text of an offer; `where`: the client's folder, the session, and the session's folder.

    The gold is looked for where the sender of one of these messages wishes it to be shown, and nowhere else.
    """
    about = await words_of(*where) if any(wish_of(row).smart for row in rows) else ()
    return await asyncio.to_thread(show, offer_id, rows, is_digest, about)


def _words(config: Path, session_id: str, cwd: str, branch: str) -> tuple[str, ...]:
    return gold_of(transcript_path(config, cwd, session_id), branch)
