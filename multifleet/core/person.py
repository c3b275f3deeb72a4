"""What a person signs with an SSH key, so that a message can be shown as theirs, and how such a signature is read.

The signed words cover all that a recipient is shown, and where it goes: a daemon on the way can change nothing of it
and send it to nobody else. Whether a signature is good is for ssh-keygen to say; nothing here does cryptography.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

import msgspec

from multifleet.core.packets import Message

NAMESPACE = "multifleet"
"""Of the SSH signatures, so that none that was made for something else counts here."""
HEAD = "multifleet message 2"
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


def signed_words(
    *,
    id: str,
    from_: str,
    to: str,
    type: str,
    at: int,
    body: str,
    urgency: str = "next-turn",
    subject: str | None = None,
    thread: str | None = None,
    reply_to: str | None = None,
    session: str | None = None,
) -> bytes:
    """The bytes that a person signs; `from_` is the address that answers go to, `at` the second."""
    return msgspec.json.encode([HEAD, id, from_, to, type, at, urgency, thread, reply_to, session, subject, body])


def words_of(message: Message) -> bytes:
    """The same of a message that came."""
    return signed_words(
        id=message.id,
        from_=message.from_,
        to=message.to,
        type=message.type,
        at=message.signed_at or 0,
        body=message.body,
        urgency=message.urgency,
        subject=message.subject,
        thread=message.thread,
        reply_to=message.reply_to,
        session=message.session,
    )


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
