"""Tells a text that only acknowledges from one that says something: an answer to an answer that says "thanks" is told
as a receipt, so that no two agents thank each other for ever."""

import re

LONGEST = 60
"""Characters; a longer text says something."""
_WORDS = frozenset(
    "ok okay k ack acked acknowledged acknowledge roger copy noted understood received got it thanks thank you thx ty "
    "great perfect good fine nice cool done sounds will do confirmed yes yep sure all clear and so much very message "
    "your the for this that reply update \U0001f44d \U0001f64f \u2705 \u2714".split()
)
_PIECES = re.compile(r"[^\W_]+|[\U0001f44d\U0001f64f\u2705\u2714]")
_ALLOWED = re.compile(r"[\w\s.,!:;'\u2019\ufe0f\U0001f3fb-\U0001f3ff\U0001f44d\U0001f64f\u2705\u2714-]*")
_SAID = frozenset(
    "ok okay ack acked acknowledged acknowledge roger copy noted understood received got thanks thank thx ty confirmed "
    "\U0001f44d \U0001f64f \u2705 \u2714".split()
)


def only_acknowledges(body: str) -> bool:
    """Whether a text says no more than that something was received."""
    text = body.strip().lower()
    if not text or len(text) > LONGEST or not _ALLOWED.fullmatch(text):
        return False
    words = _PIECES.findall(text)
    return all(word in _WORDS for word in words) and any(word in _SAID for word in words)
