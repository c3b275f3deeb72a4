"""What may be sent: each part of a message is refused here, where its author hears what to do, not at its recipient."""

from typing import get_args

from multifleet.core import packets, person
from multifleet.core.ids import Address, BadId, is_message_id, message_id
from multifleet.core.packets import Message
from multifleet.core.person import BadSignature, read_signature
from multifleet.core.routing import PRIORITY
from multifleet.errors import BadInput, TooLarge
from multifleet.node.randomness import Randomness

SIGNING = 60.0
"""Seconds by which the clock of who signs may be ahead of this node's."""
URGENCIES: frozenset[str] = frozenset(get_args(packets.Urgency))
AUTHORITIES: frozenset[str] = frozenset(get_args(packets.Authority))


def address_of(to: str) -> Address:
    """Where it is to go."""
    try:
        return Address.parse(to)
    except BadId as error:
        raise BadInput(str(error)) from None


def id_of(chosen: str | None, now: float, random: Randomness) -> str:
    """The id that was chosen, or a new one."""
    if chosen is None:
        return message_id(int(now * 1000), random.take(10))
    if not is_message_id(chosen):
        raise BadInput("an id is a lower-case UUID, such as `uuidgen | tr A-F a-f` prints")
    return chosen


def lifetime_of(seconds: float | None) -> float:
    """Seconds that it waits."""
    if seconds is None:
        return packets.LIFETIME
    if not 1 <= seconds <= packets.EXPIRES_LIMIT:
        raise BadInput("expires is in seconds from now: 1 to 2592000 (30 days)")
    return seconds


def times_of(signed_at: int | None, lifetime: float, now: float) -> tuple[int, int]:
    """When it is made and when it ends, as it was signed where it was."""
    return (int(now), int(now + lifetime) + 1) if signed_at is None else person.times_of(signed_at, lifetime)


def body_of(body: str) -> str:
    """The text, which is not too long."""
    try:
        size = len(body.encode())
    except UnicodeEncodeError:
        raise BadInput("the text has half of a surrogate pair: send text, not bytes") from None
    if size > packets.BODY_LIMIT:
        raise TooLarge(
            f"the body has {size} bytes and may have {packets.BODY_LIMIT}: "
            "send a path or a link instead, or several messages"
        )
    if not body:
        raise BadInput("the body is empty: say something")
    return body


def _check_signature(message: Message, now: float) -> None:
    """BadInput where no recipient could take it for a person's: `human` is said only with a signature."""
    if message.signature is None:
        if message.authority == "human" or message.signed_at is not None:
            raise BadInput("a message is a person's only with a signature: multifleet send --as-me makes one")
        return
    if message.signed_at is None or len(message.signature) > packets.SIGNATURE_LIMIT:
        raise BadInput("a signature comes with the second at which it was made, and has at most 8192 characters")
    try:
        read_signature(message.signature)
    except BadSignature as error:
        raise BadInput(f"the signature is of no use: {error}") from None
    if not now < message.expires <= now + packets.EXPIRES_LIMIT + SIGNING:
        raise BadInput("it was signed for a time that is over, or not yet: sign it anew (multifleet send --as-me)")


def packet_of(message: Message, now: float) -> bytes:
    """The message's bytes; BadInput where the recipient would refuse its form."""
    if message.subject is not None and len(message.subject) > packets.LINE_LIMIT:
        raise BadInput(f"the subject has at most {packets.LINE_LIMIT} characters: put the rest into the text")
    if message.thread is not None and not 1 <= len(message.thread) <= packets.THREAD_LIMIT:
        raise BadInput(f"a thread's name has 1 to {packets.THREAD_LIMIT} characters")
    if message.reply_to is not None and not is_message_id(message.reply_to):
        raise BadInput("reply-to is the whole id of a message: a lower-case UUID")
    if message.session is not None and not packets.is_session_id(message.session):
        raise BadInput("a session is named by its client's id: letters, digits, '-' and '_', at most 80 characters")
    if message.type not in PRIORITY or message.urgency not in URGENCIES or message.authority not in AUTHORITIES:
        raise BadInput("type, urgency and authority are words from a list: see multifleet send --help")
    _check_signature(message, now)
    try:
        packet = packets.write(message)
    except UnicodeEncodeError:
        raise BadInput("the subject or thread has half of a surrogate pair: send text, not bytes") from None
    if len(packet) > packets.BATCH_BYTES:
        raise TooLarge(
            f"the body takes {len(packet)} bytes with its control characters escaped, and may take "
            f"{packets.BATCH_BYTES}: take them out, or send a path or a link instead"
        )
    return packet
