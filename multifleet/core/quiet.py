"""When a seat is not to be disturbed: until when, in a person's words, and what passes all the same.

Time of day is that of the machine, given as a naive datetime; nothing here reads a clock.
"""

import re
from datetime import UTC, datetime, timedelta

PASSES = frozenset({"alert"})
"""Types of messages that are shown all the same."""
LONGEST = timedelta(days=366)

WAITS = "it waits:"
"""How each of the reasons begins of which it is told when they are over."""
BARRED = f"{WAITS} every session that is open there is stopped or not to be disturbed"
RULED_OUT = f"{WAITS} the rules there let none of the sessions that are open see it"
OVER = "what kept it back is over: a session there may be shown it"

_SPAN = re.compile(r"(\d{1,6})\s*(s|m|min|h|d)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def quiet_until(words: str, now: datetime) -> datetime:
    """The moment that "30m", "2h", "1d", "18:30" (the next one) or "2026-11-30 08:00" means; ValueError for none."""
    words = words.strip()
    if span := _SPAN.fullmatch(words):
        return _checked(now + timedelta(seconds=int(span[1]) * _SECONDS[span[2]]), now)
    if clock := _CLOCK.fullmatch(words):
        today = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)
    moment = datetime.fromisoformat(words)
    if moment.tzinfo is not None:
        raise ValueError("a moment of another time zone")
    return _checked(moment, now)


def passes(type: str) -> bool:
    """Whether a message of this type is shown at a seat that is not to be disturbed."""
    return type in PASSES


def why_it_waits(until: float | None) -> str:
    """What the sender of a message is told that is kept until then, by the wall clock; None: until it is turned off."""
    return f"{WAITS} its seat is not to be disturbed {when_over(until)}"


def is_kept_back(told: str) -> bool:
    """Whether a sender was told that its message waits by the word of the recipient's user."""
    return told.startswith(WAITS)


def when_over(until: float | None) -> str:
    """The same moment in words that mean the same on every machine."""
    if until is None:
        return "until its user says so"
    return datetime.fromtimestamp(until, UTC).strftime("until %Y-%m-%d %H:%M UTC")


def _checked(moment: datetime, now: datetime) -> datetime:
    if not now < moment <= now + LONGEST:
        raise ValueError("not between now and a year from now")
    return moment
