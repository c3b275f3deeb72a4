"""What a user sees of the channels to each peer."""

from collections.abc import Iterable

from multifleet.core.channel_state import ChannelHealth
from multifleet.core.routing import CHANNELS
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.targets import Targets
from multifleet.node.members import Member
from multifleet.operations.views import ChannelView


def channel_views(members: Iterable[Member], targets: Targets, health: Health, now: float) -> list[ChannelView]:
    """Every channel to each of these; `now` in seconds of the node's clock."""
    views = []
    for member in sorted(members, key=lambda member: member.node):
        known = health.of(member.node)
        target = targets.of(member)
        for name in targets.channels:
            of_it = known.get(name, ChannelHealth())
            views.append(
                ChannelView(
                    peer=member.node,
                    channel=CHANNELS[name].name,
                    state=of_it.state,
                    failures=of_it.failures,
                    changed_at=of_it.changed_at or None,
                    priority=CHANNELS[name].priority,
                    last_ok=of_it.last_ok,
                    last_parked=of_it.last_parked,
                    round_trip=of_it.median,
                    p95=of_it.p95,
                    last_error=_with_age(of_it, now),
                    why_not=targets.why_not(name, target) or None,
                )
            )
    return views


def _with_age(health: ChannelHealth, now: float) -> str | None:
    """Why a channel failed last, and how long ago: it may be well again."""
    if health.last_error is None:
        return None
    if health.failed_at is None:
        return f"{health.last_error} (before this start)" if health.failures == 0 else health.last_error
    return f"{health.last_error} ({max(0.0, now - health.failed_at):.0f} s ago)"
