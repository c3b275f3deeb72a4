"""How a machine is named that is to be put out: by its name, or by enough digits of its key."""

import re

KEY_BEGINNING = 8
"""Digits of a key that are enough to name it."""
ITSELF = "this is this machine itself: multifleet leave, or revoke it on another captain"
_KEY = re.compile("[0-9a-f]{64}")


def is_key(whom: str) -> bool:
    """Whether it is a whole key, which names also whom nobody here knows."""
    return _KEY.fullmatch(whom) is not None


def begins(key: str, whom: str) -> bool:
    """Whether these are enough digits of the key."""
    return len(whom) >= KEY_BEGINNING and key.startswith(whom)


def nobody(whom: str) -> str:
    """Words for a name that is nobody's."""
    return (
        f"no node {whom!r} in the fleet: multifleet roster shows who is in it, and all keys, "
        f"of which {KEY_BEGINNING} digits are enough"
    )
