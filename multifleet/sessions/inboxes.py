"""Posts to the inbox of a session, in the way of its client."""

import uuid
from dataclasses import dataclass

from multifleet.sessions import claude_inbox, qwen_inbox, qwen_registry
from multifleet.sessions.base import Session
from multifleet.sessions.claude_inbox import ReplySocket
from multifleet.sessions.claude_registry import ClaudeRegistry
from multifleet.sessions.qwen_registry import QwenRegistry


@dataclass(frozen=True, slots=True)
class Inboxes:
    """Those of this user."""

    claude: ClaudeRegistry
    qwen: QwenRegistry

    async def post(
        self,
        session: Session,
        *,
        offer_id: str,
        text: str,
        reply: ReplySocket | None,
        from_name: str,
        from_session: str,
        from_mode: str | None = None,
    ) -> None:
        """Writes one offer, for this conversation and no other; raises as `claude_inbox.post` does."""
        if session.client == qwen_registry.CLIENT:
            await qwen_inbox.post(
                self.qwen,
                session,
                offer_id=offer_id,
                text=text,
                reply=reply,
                from_name=from_name,
                from_mode=from_mode,
            )
        else:
            await claude_inbox.post(
                self.claude,
                session,
                offer_id=offer_id,
                text=text,
                reply=reply,
                from_name=from_name,
                from_session=from_session,
                from_mode=from_mode,
            )

    async def ask_about(self, session: Session, *, offer_id: str, reply: ReplySocket) -> str | None:
        """Asks a session what became of an offer that it held; raises as `post` does.

        One of Qwen Code repeats its receipt. One of Claude Code tells, by the id that is returned, once it rests and
        holds nothing.
        """
        if session.client == qwen_registry.CLIENT:
            await qwen_inbox.ask_about(self.qwen, session, offer_id=offer_id, reply=reply)
            return None
        wish = str(uuid.uuid4())
        await claude_inbox.ask_when_idle(self.claude, session, wish_id=wish, reply=reply)
        return wish
