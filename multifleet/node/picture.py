"""The picture of the fleet as this node sees it: a view for each member. It asks nobody and touches no store."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from multifleet import __version__
from multifleet.node.members import Member
from multifleet.operations.node_views import MemberView
from multifleet.sessions.base import Session

if TYPE_CHECKING:
    from multifleet.node.node import Node


def self_view(node: "Node", sessions: Sequence[Session]) -> MemberView:
    """This node's own line."""
    return MemberView(
        node=node.id,
        state="alive",
        since=node.started_at,
        how="this node",
        addresses=tuple(node.own_addresses()),
        clock_offset=0.0,
        version=__version__,
        sessions=len(sessions),
        heard_at=node.clock.now(),
        key=node.members.identity.public.hex()[:16],
    )


def member_views(node: "Node", waiting: Mapping[str, int]) -> list[MemberView]:
    """The other members, by id; `waiting` is how many messages there are for each."""
    now, wall = node.clock.monotonic(), node.clock.now()
    others = sorted(node.members.others(), key=lambda member: member.node)
    return [_view(member, waiting.get(member.node, 0), now, wall) for member in others]


def _view(member: Member, waiting: int, now: float, wall: float) -> MemberView:
    heard_at = member.heard_wall if member.heard_at is None else wall - (now - member.heard_at)
    alive = member.is_heard(now)
    how = "never heard here" if heard_at is None else f"heard {wall - heard_at:.0f} s ago"
    return MemberView(
        node=member.node,
        state="alive" if alive else "dead",
        since=None if alive else heard_at,
        how=how,
        addresses=member.addresses,
        round_trip=member.round_trip,
        clock_offset=member.offset,
        waiting=waiting,
        heard_at=heard_at,
        key=member.row.ed25519.hex()[:16],
        added_at=member.row.added_at,
    )
