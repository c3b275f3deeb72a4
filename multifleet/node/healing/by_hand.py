"""Repairs as a person asks for them and sees them."""

from collections.abc import Callable, Iterable

from multifleet.core.channel_state import ChannelHealth, ChannelState
from multifleet.core.ladder import Level
from multifleet.errors import BadInput
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.targets import Targets
from multifleet.node.healing.healing import Healing
from multifleet.node.healing.human import commands
from multifleet.node.healing.picture import ByHand, Ways, case_views, problems
from multifleet.operations.views import RepairView


async def repair(
    healing: Healing,
    targets: Targets,
    health: Health,
    presence: Callable[[str], str | None],
    now: Callable[[], float],
    peer: str | None,
    level: str | None,
    anyway: bool,
) -> RepairView:
    """Climb the ladder for a peer now, or show it for all; BadInput for a rung without a peer.

    `presence` tells the state of a peer; `now` is in seconds of the node's clock.
    """
    if peer is None:
        if level:
            raise BadInput("a rung is climbed for one node: name it, `multifleet repair NODE --level ...`")
        made = ByHand()
        broken = sorted({case.peer for case in healing.ladders.cases})
        typed = [f"multifleet repair {node}" for node in broken]
    else:
        target = targets.of(targets.members.need(peer))
        made = await healing.by_hand(peer, Level(level) if level else None, anyway=anyway)
        has_cases = any(case.peer == peer for case in healing.ladders.cases)
        away = healing.why_away(peer)
        typed = _cure(peer, presence(peer)) if away else commands(target, healing.outside.home_of(peer))
        typed = typed if has_cases else []
        if not has_cases and not made.refused and not made.done and presence(peer) == "dead":
            made = ByHand(
                f"{peer} is not there, and no broken channel to it is known: `multifleet up` there starts its "
                f"daemon, `multifleet why {peer}` says what is known of it"
            )

    def state_of(node: str, channel: str) -> ChannelState:
        return health.of(node).get(channel, ChannelHealth()).state

    views = case_views(healing.ladders, _ways(healing, targets), state_of, now())
    shown = [view for view in views if peer in (None, view.peer)]
    return RepairView(shown, made.refused or None, typed, made.done or None)


def _cure(peer: str, state: str | None) -> list[str]:
    """What brings back a peer that has said that it goes; no rung of the ladder does."""
    back = f"multifleet wake {peer}" if state == "asleep" else f"multifleet up   # on {peer}"
    return [back, f"multifleet why {peer}"]


def under_way(healing: Healing, targets: Targets, now: float) -> Iterable[str]:
    """One sentence for each case, for `status`."""
    return problems(healing.ladders, _ways(healing, targets), now)


def _ways(healing: Healing, targets: Targets) -> Ways:
    def why_no_login(node: str) -> str:
        member = targets.members.get(node)
        return "" if member is None else healing.outside.why_not(targets.of(member))

    return Ways(healing.why_away, healing.is_reachable, why_no_login)
