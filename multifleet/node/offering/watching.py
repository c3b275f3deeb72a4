"""Follows the transcripts of sessions that were given messages, for the only proof that a model has seen them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from multifleet.core.gemini_chat import GeminiChatProof
from multifleet.core.qwen_chat import QwenChatProof
from multifleet.core.rollout import RolloutProof
from multifleet.core.transcript import Fact, Sighting, TranscriptProof
from multifleet.sessions.base import Session
from multifleet.sessions.claude_transcript import TranscriptFile, size_of, transcript_path
from multifleet.sessions.codex_rollout import rollout_path
from multifleet.sessions.qwen_registry import CLIENT as QWEN

BEFORE = 1024 * 1024
"""Bytes that are read of what was there before a new offer: enough to know the answer under way."""


def token_of(offer_id: str) -> str:
    """The name under which an offer is posted to an inbox, and found again in a transcript."""
    return f"mf-{offer_id}"


def mark_of(offer_id: str) -> str:
    """The delimiter of an offer's fence: nobody could know it before; what a hook showed is found again by it."""
    return offer_id.replace("-", "")


Proof = TranscriptProof | RolloutProof | GeminiChatProof | QwenChatProof


@dataclass(slots=True)
class _Followed:
    proof: Proof
    file: TranscriptFile


class Watching:
    """The transcripts that are followed, one for each conversation, each as its client writes it."""

    def __init__(
        self, config: Path, codex: Path, chat_of: Callable[[str], tuple[str, Path] | None] = lambda session: None
    ) -> None:
        """`config` is Claude Code's folder, `codex` that of Codex; `chat_of` names the client and the file of a
        conversation of Gemini CLI or Qwen Code."""
        self._config = config
        self._codex = codex
        self._chat_of = chat_of
        self._followed: dict[str, _Followed] = {}

    def watch(self, session_id: str, cwd: str, offer_id: str, token: str, *, new: bool) -> None:
        """Look for an offer, by its token or mark: a new one in what is written from now on, another in all of it."""
        followed = self._followed.get(session_id)
        if followed is None:
            path, proof = self._begin(session_id, cwd)
            file = TranscriptFile(path, max(0, size_of(path) - BEFORE) if new else 0)
            followed = self._followed[session_id] = _Followed(proof, file)
        # only Claude Code keeps the name under which an offer was posted; the others keep its text
        followed.proof.watch(offer_id, token if isinstance(followed.proof, TranscriptProof) else mark_of(offer_id))

    def _begin(self, session_id: str, cwd: str) -> tuple[Path, Proof]:
        if rollout := rollout_path(self._codex, session_id):
            return rollout, RolloutProof()
        if chat := self._chat_of(session_id):
            client, path = chat
            return path, QwenChatProof() if client == QWEN else GeminiChatProof()
        return transcript_path(self._config, cwd, session_id), TranscriptProof()

    def forget(self, session_id: str, offer_id: str) -> None:
        """Stop looking for an offer."""
        followed = self._followed.get(session_id)
        if followed is None:
            return
        followed.proof.forget(offer_id)
        if not followed.proof.watched:
            del self._followed[session_id]

    def sighting(self, session_id: str, offer_id: str) -> Sighting:
        """All that is proven of an offer so far."""
        followed = self._followed.get(session_id)
        return followed.proof.sighting(offer_id) if followed else Sighting(offer_id, Fact.NONE)

    def has_transcript(self, session_id: str) -> bool:
        """Whether the conversation is written down at all, in a form that is known."""
        followed = self._followed.get(session_id)
        if followed is None or not followed.file.path.exists():
            return False
        return True if isinstance(followed.proof, TranscriptProof) else followed.proof.understood

    def has_begun(self, session_id: str) -> bool:
        """Whether it is a thread of Codex that has begun its first turn: then it was there, though nobody met it."""
        followed = self._followed.get(session_id)
        return followed is not None and isinstance(followed.proof, RolloutProof) and followed.proof.understood

    async def read(self, session_id: str, session: Session | None) -> None:
        """Read on in one conversation's transcript; others get their turn while a long one is read."""
        followed = self._followed.get(session_id)
        if followed is None:
            return
        if _is_of_mate(followed, session) or not followed.file.path.exists():
            self._look_again(followed, session_id, session)
        while data := followed.file.read():
            if followed.file.restarted():
                followed.proof.restart()
            followed.proof.feed(data)
            await asyncio.sleep(0)

    def awaits_end(self, session_id: str) -> bool:
        """Whether its client has to say that a turn is over, because the file does not."""
        followed = self._followed.get(session_id)
        return followed is not None and isinstance(followed.proof, GeminiChatProof) and followed.proof.awaits_end

    def end_turn(self, session_id: str) -> None:
        """The client said that the turn which stands last in what was read is over."""
        followed = self._followed.get(session_id)
        if followed is not None and isinstance(followed.proof, GeminiChatProof):
            followed.proof.end_turn()

    def _look_again(self, followed: _Followed, session_id: str, session: Session | None) -> None:
        if isinstance(followed.proof, GeminiChatProof | QwenChatProof):
            return
        if session is not None and session.lead is not None:
            _follow_mate(followed, session)
            return
        rollout = rollout_path(self._codex, session_id)
        path = followed.file.path
        proof: Proof | None = None
        if rollout is not None:
            path, proof = rollout, RolloutProof()
        elif session is not None and session.client == QWEN and session.transcript is not None:
            path, proof = session.transcript, QwenChatProof()
        elif session is not None:
            path = transcript_path(self._config, session.cwd, session_id)
        followed.file.path = path
        if proof is not None and isinstance(followed.proof, TranscriptProof):
            # such a file is made in the first turn, and only then is known which client's it is
            for offer_id in followed.proof.watched:
                proof.watch(offer_id, mark_of(offer_id))
            followed.proof, followed.file = proof, TranscriptFile(path)


def _is_of_mate(followed: _Followed, session: Session | None) -> bool:
    """Whether it is a team mate that writes to another file than is followed."""
    return session is not None and session.lead is not None and session.transcript not in (None, followed.file.path)


def _follow_mate(followed: _Followed, session: Session) -> None:
    if session.transcript is None:
        return
    proof = TranscriptProof(of_mate=True)
    for offer_id in followed.proof.watched:
        proof.watch(offer_id, mark_of(offer_id))
    followed.proof, followed.file = proof, TranscriptFile(session.transcript)
