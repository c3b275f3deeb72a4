"""Reads the gold of a Claude Code session from the end of its transcript. What counts as gold is decided in
core/gold.py."""

from pathlib import Path

from multifleet.core.gold import Gold
from multifleet.sessions.claude_transcript import TranscriptFile, size_of

TAIL = 2 * 1024 * 1024
"""Bytes that are looked at: what a session was about long ago it is not about now."""


def gold_of(transcript: Path, branch: str) -> tuple[str, ...]:
    """The words of one session; none where it has no transcript. Blocks for the disk, and for some milliseconds."""
    start = max(0, size_of(transcript) - TAIL)
    data = TranscriptFile(transcript, start).read(TAIL)
    gold = Gold()
    lines = data.split(b"\n")
    for line in lines[1:] if start else lines:  # the first one may be cut
        gold.feed(line)
    return gold.words(branch)
