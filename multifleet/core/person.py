"""What a person signs with an SSH key, so that a message can be shown as theirs, and how such a signature is read.

The signed words cover all that a recipient is shown, where it goes, in which fleet, and until when: a daemon on the way
can change nothing of it, send it to nobody else, and bring it nowhere else or later. Whether a signature is good is for
ssh-keygen to say; nothing here does cryptography.
"""

import base64
import binascii
import hashlib
import math
from dataclasses import dataclass

import msgspec

from multifleet.core.packets import LIFETIME, Message, MessageType, Urgency

NAMESPACE = "multifleet"
"""Of the SSH signatures, so that none that was made for something else counts here."""
HEAD = "multifleet message 3"
_MAGIC = b"SSHSIG"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


class BadSignature(ValueError):
    """A text that is no SSH signature for multifleet."""


@dataclass(frozen=True, slots=True)
class SshSignature:
    """What a signature says of itself, with nothing of it checked."""

    key: str
    """The public key in base64, as it stands in files of public keys."""
    fingerprint: str
    """SHA256:..., as ssh-keygen prints it."""


def signed_words(message: Message, fleet: str) -> bytes:
    """The bytes that a person signs of a message that goes out, and came, in the fleet with this id.

    Its place in its thread (`n`, `prev`) is not among them: only the daemon that sends it knows that.
    """
    return msgspec.json.encode(
        [
            HEAD,
            fleet,
            message.id,
            message.from_,
            message.to,
            message.type,
            message.created,
            message.expires,
            message.signed_at,
            message.urgency,
            message.hops,
            message.smart,
            message.from_mode,
            message.thread,
            message.reply_to,
            message.session,
            message.subject,
            message.body,
        ]
    )


def to_sign(
    *,
    id: str,
    from_: str,
    to: str,
    type: MessageType,
    at: int,
    lifetime: float | None,
    body: str,
    urgency: Urgency = "next-turn",
    subject: str | None = None,
    thread: str | None = None,
    reply_to: str | None = None,
    smart: bool = False,
) -> Message:
    """The message that the daemon makes of what a person signs at this second; `lifetime` is what it is told."""
    created, expires = times_of(at, lifetime)
    return Message(
        id=id,
        type=type,
        from_=from_,
        to=to,
        body=body,
        created=created,
        expires=expires,
        n=1,
        thread=thread,
        reply_to=reply_to,
        subject=subject,
        urgency=urgency,
        authority="human",
        signed_at=at,
        smart=smart,
    )


def times_of(signed_at: int, lifetime: float | None) -> tuple[int, int]:
    """When a signed message was made and when it ends, which its daemon may not choose."""
    return signed_at, signed_at + math.ceil(LIFETIME if lifetime is None else lifetime)


def read_signature(armored: str) -> SshSignature:
    """Whose signature it claims to be (PROTOCOL.sshsig of OpenSSH); BadSignature says what it is not."""
    lines = armored.strip().splitlines()
    if len(lines) < 3 or lines[0].strip() != _BEGIN or lines[-1].strip() != _END:
        raise BadSignature("it is no SSH signature")
    try:
        blob = base64.b64decode("".join(line.strip() for line in lines[1:-1]), validate=True)
        if not blob.startswith(_MAGIC):
            raise BadSignature("it is no SSH signature")
        key, rest = _string(blob[len(_MAGIC) + 4 :])
        namespace, _ = _string(rest)
    except (binascii.Error, IndexError):
        raise BadSignature("it is no SSH signature") from None
    if namespace != NAMESPACE.encode():
        raise BadSignature("it was made for another purpose than multifleet")
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return SshSignature(base64.b64encode(key).decode(), f"SHA256:{digest}")


def _string(data: bytes) -> tuple[bytes, bytes]:
    """A string of the SSH wire format, and what follows it."""
    length = int.from_bytes(data[:4], "big")
    if len(data) < 4 + length:
        raise IndexError
    return data[4 : 4 + length], data[4 + length :]
