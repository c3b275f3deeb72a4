"""What was meant by a word that there is not. Loaded only once something was typed wrong; knows no commands itself."""

import difflib
from collections.abc import Iterable

LOOKED_AT = 3
"""Near words among which one of the very same letters is preferred."""


def nearest(typed: str, known: Iterable[str]) -> str:
    """The word that is likeliest meant, '' where none is near; two letters that changed places count least."""
    near = difflib.get_close_matches(typed, list(known), n=LOOKED_AT)
    return next((word for word in near if sorted(word) == sorted(typed)), near[0] if near else "")
