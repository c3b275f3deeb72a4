"""The cascade, played through in a world of channels that take a known time and end in a known way."""

from collections.abc import Sequence

import pytest

from multifleet.core.channel_state import ChannelHealth, ChannelState
from multifleet.core.routing import ChannelFacts
from tests.core.cascade_world import (
    ALL,
    GIT,
    HTTP,
    NATS,
    NUDGED,
    PARKED,
    QUICK,
    RACE,
    REFUSED,
    RELAY,
    SEED,
    SILENT,
    SSH,
    STORED,
    TEXT,
    WAKE,
    Ends,
    played,
)

BROKEN = ChannelHealth(ChannelState.BROKEN, 3)

HEALING = ChannelHealth(ChannelState.HEALING, 3)

SLOW = ChannelHealth(ChannelState.HEALTHY, latencies=(0.2,))

# Name, route, what the channels do, their health, may it hedge; then the starts and the winning channel.
CASES: list[
    tuple[
        str,
        Sequence[ChannelFacts],
        dict[str, Ends],
        dict[str, ChannelHealth],
        bool,
        list[tuple[float, str]],
        str | None,
    ]
] = [
    (
        "the best channel is tried alone and its success ends it",
        ALL,
        {"nats": Ends(0.02, STORED)},
        {},
        True,
        [(0, "nats")],
        "nats",
    ),
    (
        "a failure starts the next raced channel at once",
        RACE,
        {"nats": Ends(0.01), "http": Ends(0.02), "relay": Ends(0.02, PARKED)},
        {},
        False,
        [(0, "nats"), (0.01, "http"), (0.03, "relay")],
        "relay",
    ),
    (
        "a channel silent for twice its p95 is hedged",
        RACE,
        {"nats": SILENT, "http": Ends(0.02, STORED)},
        {"nats": SLOW},
        True,
        [(0, "nats"), (0.4, "http")],
        "http",
    ),
    (
        "a quick channel is hedged after 50 ms and not before",
        RACE,
        {"nats": SILENT, "http": Ends(0.02, STORED)},
        {"nats": QUICK},
        True,
        [(0, "nats"), (0.05, "http")],
        "http",
    ),
    (
        "a channel without a history is hedged after a quarter of a second",
        RACE,
        {"nats": SILENT, "http": Ends(0.02, STORED)},
        {},
        True,
        [(0, "nats"), (0.25, "http")],
        "http",
    ),
    (
        "a channel that is always slow is hedged after most of a second",
        (NATS, HTTP, SEED),
        {"nats": SILENT, "http": SILENT, "seed": Ends(0, PARKED)},
        {"nats": ChannelHealth(ChannelState.HEALTHY, latencies=(2.5,))},
        True,
        [(0, "nats"), (0.8, "http"), (1.05, "seed")],
        "seed",
    ),
    (
        "one hedge is made, not two",
        RACE,
        {"nats": SILENT, "http": SILENT, "relay": Ends(0, PARKED)},
        {"nats": QUICK, "http": QUICK},
        True,
        [(0, "nats"), (0.05, "http"), (0.8, "relay")],
        "relay",
    ),
    (
        "without a hedge the other raced channels wait for most of a second of silence, and then all start",
        RACE,
        {"nats": SILENT, "http": SILENT, "relay": Ends(0.02, PARKED)},
        {"nats": QUICK},
        False,
        [(0, "nats"), (0.8, "http"), (0.8, "relay")],
        "relay",
    ),
    (
        "a broken channel is skipped",
        RACE,
        {"http": Ends(0, STORED)},
        {"nats": BROKEN},
        False,
        [(0, "http")],
        "http",
    ),
    (
        "a channel under repair is skipped",
        RACE,
        {"http": Ends(0, STORED)},
        {"nats": HEALING},
        False,
        [(0, "http")],
        "http",
    ),
    (
        "a degraded channel is still tried first",
        RACE,
        {"nats": Ends(0, STORED)},
        {"nats": ChannelHealth(ChannelState.DEGRADED, 2)},
        False,
        [(0, "nats")],
        "nats",
    ),
    (
        "kept channels start after most of a second of silence from the raced one",
        (HTTP, SEED, SSH),
        {"http": SILENT, "seed": SILENT, "ssh": Ends(0.5, STORED)},
        {},
        False,
        [(0, "http"), (0.8, "seed"), (0.8, "ssh")],
        "ssh",
    ),
    (
        "kept channels wait a little longer where there are several raced ones",
        (NATS, HTTP, SEED),
        {"nats": SILENT, "http": SILENT, "seed": Ends(0.001, PARKED)},
        {"nats": QUICK},
        True,
        [(0, "nats"), (0.05, "http"), (1.05, "seed")],
        "seed",
    ),
    (
        "kept channels start at once when all raced ones have failed",
        (NATS, HTTP, SEED),
        {"nats": Ends(0.01), "http": Ends(0.01), "seed": Ends(0, PARKED)},
        {},
        False,
        [(0, "nats"), (0.01, "http"), (0.02, "seed")],
        "seed",
    ),
    (
        "kept channels start at once when all raced ones are broken",
        (NATS, HTTP, SEED, SSH),
        {"seed": SILENT, "ssh": Ends(0.5, STORED)},
        {"nats": BROKEN, "http": BROKEN},
        False,
        [(0, "seed"), (0, "ssh")],
        "ssh",
    ),
    (
        "the quickest of the raced channels starts, and one of unknown speed behind it",
        RACE,
        {"http": Ends(0.01), "nats": Ends(0.01), "relay": Ends(0.01, PARKED)},
        {"nats": SLOW, "http": QUICK},
        False,
        [(0, "http"), (0.01, "nats"), (0.02, "relay")],
        "relay",
    ),
    (
        "the last ones wait until everything above has failed, and go one by one",
        (HTTP, SSH, GIT, TEXT),
        {"http": SILENT, "ssh": Ends(2), "git": Ends(1), "text": Ends(0, NUDGED)},
        {},
        False,
        [(0, "http"), (0.8, "ssh"), (5, "git"), (6, "text")],
        "text",
    ),
    (
        "after a nudge a place to park is still looked for, another nudge is not",
        (HTTP, WAKE, TEXT, GIT),
        {"http": Ends(0), "wake": Ends(1, NUDGED), "git": Ends(2, PARKED)},
        {},
        False,
        [(0, "http"), (0, "wake"), (1, "git")],
        "git",
    ),
    (
        "a nudge counts when nothing else can be had",
        (HTTP, WAKE, GIT),
        {"http": Ends(0), "wake": Ends(1, NUDGED), "git": Ends(2)},
        {},
        False,
        [(0, "http"), (0, "wake"), (1, "git")],
        "wake",
    ),
    (
        "the only channel is tried though it is broken",
        (HTTP,),
        {"http": Ends(0, STORED)},
        {"http": BROKEN},
        False,
        [(0, "http")],
        "http",
    ),
    (
        "when nothing else is left the broken channels are tried, one after the other",
        (NATS, HTTP, RELAY, GIT),
        {"nats": Ends(1), "relay": Ends(1), "git": Ends(1), "http": Ends(1, STORED)},
        {"nats": BROKEN, "http": BROKEN},
        False,
        [(0, "relay"), (1, "git"), (2, "nats"), (3, "http")],
        "http",
    ),
    (
        "a signed refusal ends it, as every other channel leads to the same peer",
        (NATS, HTTP, SSH, GIT),
        {"nats": Ends(0.1, REFUSED)},
        {},
        False,
        [(0, "nats")],
        "nats",
    ),
    ("without a channel nothing is started", (), {}, {}, False, [], None),
]


@pytest.mark.parametrize(
    ("route", "world", "health", "hedge_allowed", "starts", "channel"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_what_starts_when(
    route: Sequence[ChannelFacts],
    world: dict[str, Ends],
    health: dict[str, ChannelHealth],
    hedge_allowed: bool,
    starts: list[tuple[float, str]],
    channel: str | None,
) -> None:
    cascade, happened = played(route, world, health, hedge_allowed=hedge_allowed)
    assert [name for _, name in happened.starts] == [name for _, name in starts]
    assert [at for at, _ in happened.starts] == pytest.approx([at for at, _ in starts])
    assert cascade.verdict.channel == channel
