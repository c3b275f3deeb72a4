"""How much of one member's mail a node keeps, shown or not: no member can fill another one's disk."""

SHARE = 1 << 30
"""Of one sender; what is kept is forgotten 30 days after its time is over."""
EACH = 1024
"""What a message weighs beside its body."""


def weight(body: str) -> int:
    """What a message takes of its sender's share."""
    return len(body) + EACH


def over_share(kept: int, more: int) -> str:
    """Why nothing more is taken of a sender, in words; empty where it is."""
    if kept + more <= SHARE:
        return ""
    return f"this machine keeps at most {SHARE >> 20} MiB of one sender's messages, and has them"
