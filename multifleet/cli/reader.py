"""Who reads what a command prints: a person, or an agent whose shell it runs in."""

import os

from multifleet.cli.author import AGENT_MARKS


def for_reader(text: str) -> str:
    """The text; for an agent without what could pass for its client's or its user's own words."""
    if not any(mark in os.environ for mark in AGENT_MARKS):
        return text
    from multifleet.core.defang import defang

    return defang(text)
