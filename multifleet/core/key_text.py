"""A node's private keys as one short text, as it lies in a file, a keyring or an environment variable.

    keys  = ed25519 ":" key *( "," key )         the key in use first
    key   = x25519 [ "@" made [ "@" retire ] ]   seconds of the replay clock, to the millisecond; older keys have both

Keyrings hold little (Windows: 1,280 characters), hence no JSON. One key without a time is the form of earlier versions.
"""

import re

from multifleet.core.ids import is_node_id
from multifleet.core.keys import Identity, OwnKey

_HEX = "[0-9a-fA-F]{64}"
_TIME = r"[0-9]{1,12}(?:\.[0-9]{1,3})?"
_KEY = re.compile(rf"({_HEX})(?:@({_TIME})(?:@({_TIME}))?)?")


class BadKeys(ValueError):
    """A text that is none. Says nothing of what is in it."""


def write_keys(identity: Identity) -> str:
    """The text of a node's keys."""
    keys = [f"{key.private.hex()}@{_time(key.made)}@{_time(key.retire_after)}" for key in identity.older]
    return f"{identity.ed25519.hex()}:" + ",".join([f"{identity.x25519.hex()}@{_time(identity.made)}", *keys])


def read_keys(node: object, text: str, made: int) -> Identity:
    """The keys in a text; `made` is taken where it does not say when a key was made. BadKeys where it is none."""
    signing, colon, rest = text.partition(":")
    found = [_KEY.fullmatch(part) for part in rest.split(",")]
    if not (isinstance(node, str) and is_node_id(node) and colon and re.fullmatch(_HEX, signing) and all(found)):
        raise BadKeys("not the text of a node's keys")
    keys = [
        OwnKey(bytes.fromhex(match[1]), float(match[2] or made), float(match[3] or 0)) for match in found if match
    ]
    if any(key.retire_after == 0 for key in keys[1:]) or len({key.private for key in keys}) < len(keys):
        raise BadKeys("an older key without its end, or a key twice")
    return Identity(node, bytes.fromhex(signing), keys[0].private, keys[0].made, tuple(keys[1:]))


def _time(moment: float) -> str:
    return f"{moment:.3f}".rstrip("0").rstrip(".")
