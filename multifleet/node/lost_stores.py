"""Damaged stores that were set aside: as long as one lies in the home, its user is told what went with it."""

from pathlib import Path

from multifleet.store.inspection import damaged_files

LOST = "messages and seats that only it held are not here any more"


def what_was_lost(home: Path) -> str | None:
    """One line on the damaged stores in a home, and what to do; None where there is none. Blocks for the disk."""
    found = damaged_files(home)
    if not found:
        return None
    names = ", ".join(path.name for path in found)
    return f"a damaged store was set aside ({names}): {LOST}; see multifleet doctor store"
