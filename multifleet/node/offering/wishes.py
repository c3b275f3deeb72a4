"""What the sender of a message wishes for it beyond its seat, kept beside the message until a session has it."""

from collections.abc import Iterable

import msgspec

from multifleet.core.packets import Message
from multifleet.store.rows import InboxRow


class Wish(msgspec.Struct, frozen=True, omit_defaults=True):
    """As in the packet."""

    smart: bool = False
    session: str | None = None


def kept(message: Message) -> bytes | None:
    """What is stored of it; None where its sender wishes for nothing."""
    wish = Wish(smart=message.smart, session=message.session)
    return msgspec.json.encode(wish) if wish != Wish() else None


def wish_of(row: InboxRow) -> Wish:
    """What was wished for a message that is stored here."""
    return msgspec.json.decode(row.packet, type=Wish) if row.packet else Wish()


def for_session(rows: Iterable[InboxRow], session_id: str) -> list[InboxRow]:
    """Those of the messages that this session may see."""
    return [row for row in rows if wish_of(row).session in (None, session_id)]
