"""What the sender of a message says and wishes beyond its text and seat, kept beside it until a session has it."""

from collections.abc import Iterable

import msgspec

from multifleet.core.packets import Message, Mode
from multifleet.store.rows import InboxRow


class Wish(msgspec.Struct, frozen=True, omit_defaults=True):
    """As in the packet."""

    smart: bool = False
    session: str | None = None
    from_mode: Mode | None = None


def kept(message: Message) -> bytes | None:
    """What is stored of it; None where its sender wishes for nothing."""
    wish = Wish(smart=message.smart, session=message.session, from_mode=message.from_mode)
    return msgspec.json.encode(wish) if wish != Wish() else None


def wish_of(row: InboxRow) -> Wish:
    """What was wished for a message that is stored here."""
    return msgspec.json.decode(row.packet, type=Wish) if row.packet else Wish()


def for_session(rows: Iterable[InboxRow], session_id: str) -> list[InboxRow]:
    """Those of the messages that this session may see."""
    return [row for row in rows if wish_of(row).session in (None, session_id)]


def mode_of(rows: Iterable[InboxRow]) -> Mode | None:
    """The mode in which these messages may be posted together: the one that was said for all of them.

    Never `bypass`: it would open a session that bypasses its prompts, and a peer's word must not do that.
    """
    said = {wish_of(row).from_mode for row in rows}
    return "prompting" if said == {"prompting"} else None
