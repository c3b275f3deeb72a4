"""Posts to the inbox of a live Qwen Code session, as its maker documents it.

That the bytes were written is all that a post knows. What becomes of a message is told by the session's receipts, which
come to the socket that it was sent from, and by the file of the conversation.
"""

from multifleet.sessions.base import Session, Unreachable
from multifleet.sessions.claude_inbox import ReplySocket, write_to
from multifleet.sessions.qwen_registry import QwenRegistry
from multifleet.sessions.qwen_wire import auth_line, message_line

ASKED = "multifleet asks what became of the message of this id. There is nothing in it to read or to do."
"""Shown to nobody but where the client has forgotten the id."""


async def post(
    registry: QwenRegistry,
    session: Session,
    *,
    offer_id: str,
    text: str,
    reply: ReplySocket | None,
    from_name: str,
    from_mode: str | None = None,
    timeout: float = 5.0,
) -> None:
    """Writes one offer to the session's inbox, for this conversation and no other.

    Unreachable: nothing was written. UnknownOutcome: it may have arrived. ValueError: the text does not fit.
    """
    # No mode is claimed that was not said by the far session itself, and never "bypass". The session then holds the
    # message for its user, who may have set otherwise. No token of a trusted controller is ever shown: its words pass
    # for the user's own, and another machine's are not.
    line = message_line(
        text,
        offer_id=offer_id,
        session_id=session.session_id,
        from_path=str(reply.path) if reply else None,
        from_name=from_name,
        from_mode=from_mode,
    )
    await write_line(registry, session, line, timeout, same_conversation=True)


async def ask_about(registry: QwenRegistry, session: Session, *, offer_id: str, reply: ReplySocket) -> None:
    """Asks what became of an offer that this session's process took or held; raises as `post` does.

    What comes again under an id that the client knows is not looked into: it repeats the receipt.
    """
    line = message_line(
        ASKED, offer_id=offer_id, session_id=session.session_id, from_path=str(reply.path), from_name="multifleet"
    )
    await write_line(registry, session, line, same_conversation=True)


async def write_line(
    registry: QwenRegistry, session: Session, line: bytes, timeout: float = 5.0, *, same_conversation: bool = False
) -> None:
    """Writes a line to the inbox of the session's process, with what it wants to be shown first; raises as `post`."""
    found = registry.with_token(session)
    if found is None:
        raise Unreachable("the session has ended")
    now, token = found
    if same_conversation and now.session_id != session.session_id:
        raise Unreachable("the session has begun another conversation")
    await write_to(now, (auth_line(token) if token else b"") + line, timeout)
