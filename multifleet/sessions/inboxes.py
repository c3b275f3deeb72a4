"""Posts to the inbox of a session, in the way of its client."""

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
