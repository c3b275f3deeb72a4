"""Which channels exist, which of them may carry which type of message, and which type goes first.

Tables only: a channel that is built later is one row of CHANNELS and its name in the routes it may carry.
Nothing here knows how a channel works or how it is; the latter is the channel state's.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class ChannelName(StrEnum):
    """The channels that are built."""

    HTTP = "http"
    MEMORY = "memory"


class Tier(StrEnum):
    """When a channel of a route gets its turn."""

    RACED = "raced"  # at once, one hedging the other
    KEPT = "kept"  # when the raced ones are silent, refused or broken
    LAST = "last"  # only when everything above has failed


class Success(StrEnum):
    """The most that a channel can know of a frame it carried."""

    STORED = "stored"
    PARKED = "parked"
    NUDGED = "nudged"


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """One row of the table of channels."""

    name: str
    priority: str
    """Its place in the protocol, P0 to P8; empty for what only tests use."""
    tier: Tier
    timeout: float
    """Seconds that one attempt may take."""
    success: tuple[Success, ...]
    notes: str = ""

    @property
    def only_nudges(self) -> bool:
        """Whether a success leaves the frame nowhere that the recipient will look."""
        return set(self.success) == {Success.NUDGED}


_STORED = (Success.STORED,)

CHANNELS: Mapping[str, ChannelFacts] = {
    facts.name: facts
    for facts in (
        ChannelFacts(
            ChannelName.HTTP, "P2", Tier.RACED, 5.0, _STORED, "direct, every known address of the peer"
        ),
        ChannelFacts(ChannelName.MEMORY, "", Tier.RACED, 5.0, _STORED, "inside one process, for tests"),
    )
}

_ONLINE = (ChannelName.HTTP, ChannelName.MEMORY)

ROUTES: Mapping[str, tuple[str, ...]] = {
    "alert": _ONLINE,
    "task": _ONLINE,
    "reply": _ONLINE,
    "context": _ONLINE,
    "broadcast": _ONLINE,
    "sync": _ONLINE,
    "repair": _ONLINE,
}
"""Message type: the channels that may carry it, best first."""

PRIORITY: Mapping[str, int] = {
    "alert": 0,
    "task": 1,
    "reply": 1,
    "repair": 1,
    "context": 2,
    "broadcast": 2,
    "sync": 3,
    "heartbeat": 3,
}
"""Type: its place in the queue of a peer, 0 first."""


def route(type: str, available: Collection[str]) -> tuple[ChannelFacts, ...]:
    """The channels of a message type's route that this node has, best first."""
    return tuple(CHANNELS[name] for name in ROUTES[type] if name in available)


def channels_table(channels: Iterable[ChannelFacts] = CHANNELS.values()) -> str:
    """The table of channels in Markdown, as COMMS-PROTOCOL.md shows it."""
    return _table(
        ("", "channel", "turn", "timeout", "success", "notes"),
        (
            (c.priority, c.name, c.tier, f"{c.timeout:g} s", " or ".join(c.success), c.notes)
            for c in channels
            if c.priority
        ),
    )


def routes_table(
    routes: Mapping[str, tuple[str, ...]] = ROUTES, channels: Mapping[str, ChannelFacts] = CHANNELS
) -> str:
    """The table of routes in Markdown, most urgent first."""
    rows = sorted(routes.items(), key=lambda row: PRIORITY[row[0]])
    return _table(
        ("type", "priority", "channels"),
        (
            (
                type,
                str(PRIORITY[type]),
                ", ".join(f"{channels[n].priority} {n}" for n in names if channels[n].priority),
            )
            for type, names in rows
        ),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
