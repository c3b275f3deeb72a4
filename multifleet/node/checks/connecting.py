"""What the configuration names for the ways to others, a NATS server or a git remote, and what does not work of it."""

from typing import TYPE_CHECKING

from multifleet.channels.witness import CanComplain
from multifleet.node.checks.finding import Finding, together, warn
from multifleet.node.members import Member

if TYPE_CHECKING:
    from multifleet.node.engine import Engine

WAYS = ("git.remote", "natsUrl", "$NATS_URL", "natsC")
"""How words about settings of ways begin."""
_REMEDY = "see that what it names runs and lets this machine in, or mend it in config.json"


def turned_off(node: "Engine", member: Member) -> tuple[str, ...]:
    """The channels that the configuration turns off for a member."""
    own = node.config.nodes.get(member.node)
    off = {*node.config.channels.off, *(own.channels.off if own is not None else ())}
    return tuple(sorted(name for name in off if name in node.targets.channels))


def complaints(node: "Engine") -> tuple[str, ...]:
    """What channels have found out about their settings, in words."""
    told = (channel.complaint() for channel in node.channels if isinstance(channel, CanComplain))
    return tuple(words for words in told if words)


async def own_faults(node: "Engine") -> tuple[str, ...]:
    """The same and what is seen by looking at the settings, one line for each setting."""
    seen = [words for words in await node.config_state.words() if words.startswith(WAYS)]
    return (*seen, *(words for words in complaints(node) if not _is_told(words, seen)))


def with_complaints(found: Finding, node: "Engine") -> Finding:
    """A finding about the settings, with what the channels have found out."""
    more = [warn(words, _REMEDY) for words in complaints(node) if not _is_told(words, [found.says])]
    return together([found, *more]) if more else found


def _is_told(words: str, seen: list[str]) -> bool:
    return any(words.partition(":")[0] in one for one in seen)
