"""Names of the files by which frames change hands while they lie at rest: in drop/ those for this node, in out/<peer>/
the one for a peer. A name says by which way a frame came; nothing of a name is ever taken from a frame or a peer.
"""

import re

ENDING = ".frame"
ASIDE = "."
"""Begins the name of a file that is still being written."""
OUT_NAME = f"waiting{ENDING}"
"""In out/<peer>/: what waits for that peer."""
NODE_NAME = "node"
"""In a node's home: its id, for whoever looks there over SFTP for the place where its frames are to lie."""
DROP = "drop"
_NAME = re.compile(r"(?:(seed|ssh)-)?[0-9a-f]{32}\.frame")


def seed_name(random: str) -> str:
    """For a frame that a peer leaves over SFTP; `random` is 32 hex digits."""
    return f"seed-{random}{ENDING}"


def parked_name(digest: str, way: str = "") -> str:
    """For a frame that came by `way` and that nobody could take; the same bytes have the same name."""
    return f"{way}-{digest[:32]}{ENDING}" if way else f"{digest[:32]}{ENDING}"


def way_of(name: str) -> str:
    """The channel by which the frame in a file came; "drop" where the name does not say it."""
    match = _NAME.fullmatch(name)
    return (match[1] or DROP) if match else DROP
