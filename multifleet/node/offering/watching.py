"""Follows the transcripts of sessions that were given messages, for the only proof that a model has seen them."""

import asyncio
from pathlib import Path

from multifleet.core.transcript import Fact, Sighting, TranscriptProof
from multifleet.sessions.base import Session
from multifleet.sessions.claude_transcript import TranscriptFile, size_of, transcript_path

BEFORE = 1024 * 1024
"""Bytes that are read of what was there before a new offer: enough to know the answer under way."""


def token_of(offer_id: str) -> str:
    """The name under which an offer is posted to an inbox, and found again in a transcript."""
    return f"mf-{offer_id}"


def mark_of(offer_id: str) -> str:
    """The delimiter of an offer's fence: nobody could know it before; what a hook showed is found again by it."""
    return offer_id.replace("-", "")


class Watching:
    """The transcripts that are followed, one for each conversation."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._followed: dict[str, tuple[TranscriptProof, TranscriptFile]] = {}

    def watch(self, session_id: str, cwd: str, offer_id: str, token: str, *, new: bool) -> None:
        """Look for an offer, by its token or mark: a new one in what is written from now on, another in all of it."""
        followed = self._followed.get(session_id)
        if followed is None:
            path = transcript_path(self._config, cwd, session_id)
            offset = max(0, size_of(path) - BEFORE) if new else 0
            followed = self._followed[session_id] = (TranscriptProof(), TranscriptFile(path, offset))
        followed[0].watch(offer_id, token)

    def forget(self, session_id: str, offer_id: str) -> None:
        """Stop looking for an offer."""
        followed = self._followed.get(session_id)
        if followed is None:
            return
        followed[0].forget(offer_id)
        if not followed[0].watched:
            del self._followed[session_id]

    def sighting(self, session_id: str, offer_id: str) -> Sighting:
        """All that is proven of an offer so far."""
        followed = self._followed.get(session_id)
        return followed[0].sighting(offer_id) if followed else Sighting(offer_id, Fact.NONE)

    def has_transcript(self, session_id: str) -> bool:
        """Whether the conversation is written down at all."""
        followed = self._followed.get(session_id)
        return followed is not None and followed[1].path.exists()

    async def read(self, session_id: str, session: Session | None) -> None:
        """Read on in one conversation's transcript; others get their turn while a long one is read."""
        followed = self._followed.get(session_id)
        if followed is None:
            return
        proof, file = followed
        if session is not None and not file.path.exists():
            file.path = transcript_path(self._config, session.cwd, session_id)
        while data := file.read():
            if file.restarted():
                proof.restart()
            proof.feed(data)
            await asyncio.sleep(0)
