"""The cryptography of a frame, for the throwaway pipelines: the product's primitives over as many bytes."""

import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

MAC_KEY = hashlib.sha256(b"benchmark mac").digest()
SEAL_KEY = hashlib.sha256(b"benchmark seal").digest()
HEAD = "mf1 {sender} {recipient} 0011223344556677 {sent} {nonce}"
MAC_HEX = 64
ZERO_NONCE = bytes(12)


def seal(sender: str, recipient: str, sent: int, packet: bytes) -> tuple[str, bytes]:
    """The frame around a packet, and its nonce in hex."""
    nonce = os.urandom(16)
    head = HEAD.format(sender=sender, recipient=recipient, sent=sent, nonce=nonce.hex()).encode()
    sealed = ChaCha20Poly1305(hmac.digest(SEAL_KEY, nonce, "sha256")).encrypt(ZERO_NONCE, packet, head)
    mac = hmac.digest(MAC_KEY, head + b"\n" + sealed, "sha256").hex().encode()
    return nonce.hex(), head + b" " + mac + b"\n" + sealed


def unseal(frame: bytes) -> tuple[str, bytes]:
    """The nonce (hex) and the packet of a frame; ValueError for one that does not verify."""
    line, _, sealed = frame.partition(b"\n")
    head, mac = line[: -MAC_HEX - 1], line[-MAC_HEX:]
    if not hmac.compare_digest(hmac.digest(MAC_KEY, head + b"\n" + sealed, "sha256").hex().encode(), mac):
        raise ValueError("the frame's MAC is wrong")
    nonce = head.rsplit(b" ", 1)[1].decode()
    key = hmac.digest(SEAL_KEY, bytes.fromhex(nonce), "sha256")
    return nonce, ChaCha20Poly1305(key).decrypt(ZERO_NONCE, sealed, head)
