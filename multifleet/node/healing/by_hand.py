"""Repairs as a person asks for them and sees them."""

from collections.abc import Callable

from multifleet.core.channel_state import ChannelHealth, ChannelState
from multifleet.core.ladder import Level
from multifleet.errors import BadInput
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.targets import Targets
from multifleet.node.healing.healing import Healing
from multifleet.node.healing.human import commands
from multifleet.node.healing.picture import case_views
from multifleet.operations.views import RepairView


async def repair(
    healing: Healing,
    targets: Targets,
    health: Health,
    presence: Callable[[str], str | None],
    now: Callable[[], float],
    peer: str | None,
    level: str | None,
) -> RepairView:
    """Climb the ladder for a peer now, or show it for all; BadInput for a rung without a peer.

    `presence` tells the state of a peer; `now` is in seconds of the node's clock.
    """
    if peer is None:
        if level:
            raise BadInput("a rung is climbed for one node: name it, `multifleet repair NODE --level ...`")
        refused = ""
        broken = sorted({case.peer for case in healing.ladders.cases})
        typed = [f"multifleet repair {node}" for node in broken]
    else:
        target = targets.of(targets.members.need(peer))
        refused = await healing.by_hand(peer, Level(level) if level else None)
        has_cases = any(case.peer == peer for case in healing.ladders.cases)
        typed = commands(target) if has_cases else []
        if not has_cases and not refused and presence(peer) == "dead":
            refused = (
                f"{peer} is not there, and no broken channel to it is known: `multifleet up` there starts its "
                f"daemon, `multifleet why {peer}` says what is known of it"
            )

    def state_of(node: str, channel: str) -> ChannelState:
        return health.of(node).get(channel, ChannelHealth()).state

    views = case_views(healing.ladders, state_of, now())
    return RepairView([view for view in views if peer in (None, view.peer)], refused or None, typed)
