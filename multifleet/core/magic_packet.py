"""Wake-on-LAN: the packet that a sleeping machine's network card waits for."""

import re

PORT = 9
"""UDP; the card looks at the bytes and not at the port."""
AT_MOST = 3
"""Packets for one machine at a time."""
_FORMS = re.compile(
    r"(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}|[0-9a-f]{12}"
)


def read_mac(text: str) -> bytes | None:
    """The six bytes of one card's address in any of its usual forms; None where it names no single card."""
    text = text.strip().lower()
    if not _FORMS.fullmatch(text):
        return None
    mac = bytes.fromhex(re.sub("[.:-]", "", text))
    return None if mac[0] & 1 or not any(mac) else mac


def write_mac(mac: bytes) -> str:
    """As people write it."""
    return mac.hex(":")


def magic_packet(mac: bytes) -> bytes:
    """What wakes the machine with this card."""
    return b"\xff" * 6 + mac * 16
