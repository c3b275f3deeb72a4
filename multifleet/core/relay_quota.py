"""How much a relay keeps for others: little enough that no member can fill its disk, or leave no room for the rest."""

from dataclasses import dataclass

SENDER_FRAMES, SENDER_BYTES = 2_000, 64 << 20
"""Of one sender."""
ALL_BYTES = 512 << 20
"""Of all senders together."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What lies here, of one sender or of all."""

    frames: int
    size: int

    def plus(self, size: int) -> "Kept":
        """With one frame more."""
        return Kept(self.frames + 1, self.size + size)


def no_room(of_sender: Kept, of_all: Kept, size: int) -> str:
    """Why a frame of this size is not kept, in words; empty where it is."""
    if of_sender.frames >= SENDER_FRAMES:
        return f"this relay keeps at most {SENDER_FRAMES} frames of one sender: some must be taken first"
    if of_sender.size + size > SENDER_BYTES:
        return f"this relay keeps at most {SENDER_BYTES >> 20} MiB of one sender: some must be taken first"
    if of_all.size + size > ALL_BYTES:
        return f"this relay keeps at most {ALL_BYTES >> 20} MiB in all, and has them"
    return ""
