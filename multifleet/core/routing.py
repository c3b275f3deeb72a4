"""Which channels exist, which of them may carry which type of message, and which type goes first.

Tables only: a channel that is built later is one row of CHANNELS and its name in the routes it may carry.
Nothing here knows how a channel works or how it is; the latter is the channel state's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol


class ChannelName(StrEnum):
    """The channels that are built."""

    CLOUD = "cloud"
    NATS = "nats"
    HTTP = "http"
    RELAY = "relay"
    SEED = "seed"
    SSH = "ssh"
    WAKE = "wake"
    GIT = "git"
    TEXT = "text"
    MEMORY = "memory"


class Settings(Protocol):
    """What a user has said of channels; the configuration has it."""

    @property
    def off(self) -> Collection[str]: ...
    @property
    def routes(self) -> Mapping[Any, Sequence[str]]: ...
    @property
    def timeouts(self) -> Mapping[Any, float]: ...


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
    shows_text: bool = False
    """Whether it shows the text of messages to others than the recipient's daemon."""

    @property
    def only_nudges(self) -> bool:
        """Whether a success leaves the frame nowhere that the recipient will look."""
        return set(self.success) == {Success.NUDGED}

    @property
    def parks(self) -> bool:
        """Whether it may leave a frame where the recipient will find it."""
        return Success.PARKED in self.success

    @property
    def only_parks(self) -> bool:
        """Whether a frame that waits for its recipient is all that it can ever bring about."""
        return set(self.success) == {Success.PARKED}

    def within(self, timeout: float) -> "ChannelFacts":
        """The same with another timeout."""
        return replace(self, timeout=timeout)

    @property
    def answers(self) -> bool:
        """Whether it can bring the recipient's answer at once, so that questions may go by it."""
        return Success.STORED in self.success


_STORED, _PARKED, _NUDGED = (Success.STORED,), (Success.PARKED,), (Success.NUDGED,)
_BOTH = (Success.STORED, Success.PARKED)
_N = ChannelName

CHANNELS: Mapping[str, ChannelFacts] = {
    facts.name: facts
    for facts in (
        ChannelFacts(
            _N.CLOUD,
            "P0",
            Tier.LAST,
            5.0,
            _NUDGED,
            "a cloud session by a Claude Code routine; asked for, or the last resort of who has opted in; shows text",
            shows_text=True,
        ),
        ChannelFacts(_N.NATS, "P1", Tier.RACED, 3.0, _BOTH, "by a NATS server: the chief's own, or yours; a queue"),
        ChannelFacts(_N.HTTP, "P2", Tier.RACED, 5.0, _STORED, "direct, every known address of the peer"),
        ChannelFacts(_N.RELAY, "P3", Tier.RACED, 5.0, _BOTH, "through the chief, or any third peer that both reach"),
        ChannelFacts(_N.SEED, "P4", Tier.KEPT, 10.0, _PARKED, "a file in the peer's drop folder, by SFTP"),
        ChannelFacts(_N.SSH, "P5", Tier.KEPT, 10.0, _BOTH, "`multifleet receive` over SSH; needs no daemon there"),
        ChannelFacts(_N.WAKE, "P6", Tier.LAST, 60.0, _NUDGED, "Wake-on-LAN from the sleeper's own network segment"),
        ChannelFacts(_N.GIT, "P7", Tier.LAST, 30.0, _PARKED, "refs of a git remote that both can reach"),
        ChannelFacts(
            _N.TEXT, "P8", Tier.LAST, 2.0, _NUDGED, "typed into the agent's terminal there; shows text", shows_text=True
        ),
        ChannelFacts(_N.MEMORY, "", Tier.RACED, 5.0, _STORED, "inside one process, for tests"),
    )
}
"""By name, in the order in which the channels of a tier take their turns."""

_DIRECT = (_N.NATS, _N.HTTP, _N.RELAY, _N.MEMORY)
_CARRIES = (*_DIRECT, _N.SEED, _N.SSH)
_ALL = (*_CARRIES, _N.WAKE, _N.GIT, _N.TEXT, _N.CLOUD)

ROUTES: Mapping[str, tuple[str, ...]] = {
    "alert": _ALL,
    "task": _ALL,
    "reply": _ALL,
    "context": _ALL,
    "broadcast": _ALL,
    "sync": _DIRECT,
    "repair": _CARRIES,
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


LAST_PLACE = max(PRIORITY.values())


def may_wait(type: str, urgency: str) -> bool:
    """Whether nobody is to be roused for a message: no machine woken, no session made, nothing typed."""
    return urgency == "whenever" and type != "alert"


def place_of(type: str, urgency: str) -> int:
    """The place of a message in the queue of a peer, 0 first; what may wait goes last."""
    return LAST_PLACE if may_wait(type, urgency) else PRIORITY[type]


def quiet(channels: Iterable[ChannelFacts]) -> tuple[ChannelFacts, ...]:
    """Those that rouse nobody: they carry a frame to where its recipient finds it."""
    return tuple(facts for facts in channels if not facts.only_nudges)


def route(type: str, available: Collection[str], *settings: Settings) -> tuple[ChannelFacts, ...]:
    """The channels of a message type's route that this node has, best first; what later settings say goes before."""
    names: Sequence[str] = ROUTES[type]
    off: set[str] = set()
    timeouts: dict[str, float] = {}
    for said in settings:
        names = said.routes.get(type, names)
        off |= set(said.off)
        timeouts.update(said.timeouts)
    known = (CHANNELS[name] for name in names if name in available and name not in off)
    return tuple(facts.within(timeouts[facts.name]) if facts.name in timeouts else facts for facts in known)


def go_together(one: str, other: str, own: Collection[str] = ()) -> bool:
    """Whether messages of two types may travel in one request; `own`: types whose route the user has set.

    An alert goes by every way until it is confirmed, and nothing else is to be spread like that.
    """
    if one == other:
        return True
    return ROUTES[one] == ROUTES[other] and not {one, other} & {"alert", *own}


def has_own_order(type: str, *settings: Settings) -> bool:
    """Whether the user has said in which order the channels of this type are tried."""
    return any([type in said.routes for said in settings])


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
