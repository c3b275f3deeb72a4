"""A made-up fleet as the daemon shows it: for the picture in the documentation, and for the tests of such pictures."""

from typing import Any

import msgspec

from multifleet import __version__
from multifleet.cli import render_fleet
from multifleet.operations.views import ApartView, ClientView, MemberView, StatusView

NOW = 1_800_000_000.0
_FACTS = {"version": __version__, "branch": "main", "commit": "6f4f8fc2aa", "load": 0.31, "disk_free": 51_200}


def a_fleet() -> list[MemberView]:
    """Five members: the chief that is this node, one that is well, one asleep, one dead, one revoked."""
    return [
        MemberView(
            "mac1",
            "alive",
            NOW - 11_000,
            "this node",
            chief=True,
            addresses=("192.0.2.1:8855",),
            clock_offset=0.0,
            sessions=2,
            seats=("api", "web"),
            heard_at=NOW,
            **_FACTS,  # type: ignore[arg-type]
        ),
        MemberView(
            "laptop",
            "dead",
            NOW - 190,
            "8 pings and an HTTP request unanswered",
            addresses=("192.0.2.9:8855", "198.51.100.4:8855"),
            round_trip=0.0021,
            clock_offset=0.3,
            sessions=0,
            waiting=2,
            heard_at=NOW - 200,
            flaps=1,
            **_FACTS,  # type: ignore[arg-type]
        ),
        MemberView(
            "mac2",
            "asleep",
            NOW - 720,
            "said so itself",
            addresses=("192.0.2.2:8855",),
            round_trip=0.0006,
            clock_offset=0.0,
            sessions=0,
            heard_at=NOW - 720,
            facts_at=NOW - 722,
            **_FACTS,  # type: ignore[arg-type]
        ),
        MemberView(
            "mac3",
            "alive",
            NOW - 86_400 * 3,
            "answer 2 s ago",
            role="worker",
            addresses=("192.0.2.3:8855",),
            round_trip=0.0004,
            clock_offset=-600.0,
            sessions=1,
            seats=("docs",),
            heard_at=NOW - 0.4,
            facts_at=NOW - 3,
            apart=ApartView(NOW - 4000, NOW - 3400),
            key="0123456789abcdef",
            added_at=NOW - 86_400 * 9,
            **_FACTS | {"branch": "feature/one-table-of-the-fleet"},  # type: ignore[arg-type]
        ),
        MemberView("old", "revoked", NOW - 5_000, "by mac1: stolen", heard_at=NOW - 5_060, key="fedcba9876543210"),
    ]


def a_status(members: list[MemberView] | None = None) -> StatusView:
    """The status of mac1 in that fleet."""
    return StatusView(
        node="mac1",
        fleet="f1",
        version=__version__,
        pid=4711,
        home="/home/ada/.multifleet",
        addresses=["0.0.0.0:8855"],
        started_at=NOW - 11_000,
        members=a_fleet() if members is None else members,
        chief="mac1",
        chief_why="the most senior eligible member that is there",
        outbox=2,
        unread=1,
        dead=0,
        sessions=2,
        clients=[ClientView("claude", "2.1.329", "socket")],
    )


def as_json(view: Any) -> Any:
    """What the command line reads."""
    return msgspec.json.decode(msgspec.json.encode(view))


def picture() -> str:
    """`multifleet status` on mac1, on a terminal of 120 columns."""
    return f"```text\n{render_fleet.status(as_json(a_status()), NOW, 120)}```\n"
