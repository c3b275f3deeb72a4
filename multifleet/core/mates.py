"""How a team mate of a session is addressed: by the seat of the session that leads it, and by its name in the team."""

from collections.abc import Collection

LONGEST = 63
"""Characters of a seat's name."""
_NAME = 40
"""Characters of it that are left to a mate's name, where both are long."""


def mate_seat(seat: str, name: str, taken: Collection[str]) -> str:
    """An address as it can be written, for example `api.scout`; with -2, -3, ... when that is taken."""
    slug = name.lower()[:_NAME]
    found = base = f"{seat[: LONGEST - 1 - len(slug)]}.{slug}"
    number = 1
    while found in taken:
        number += 1
        suffix = f"-{number}"
        found = base[: LONGEST - len(suffix)] + suffix
    return found
