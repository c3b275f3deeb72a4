"""Puts the parts of the healer together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multifleet.channels.ssh_connections import SshConnections
from multifleet.core.presence.peer import PeerPresence
from multifleet.core.repairs import RepairAsk
from multifleet.node.asking import Asking
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.attempts import Attempts
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.targets import Targets
from multifleet.node.events import Events
from multifleet.node.healing.answering import RepairAnswering
from multifleet.node.healing.healing import Healing
from multifleet.node.healing.human import Human
from multifleet.node.healing.mending import Mending
from multifleet.node.healing.outside import Outside, over_ssh
from multifleet.store.store import Store


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the healer asks of the node it is in."""

    is_running: Callable[[], bool]
    is_there: Callable[[str], bool]
    presence_of: Callable[[str], PeerPresence]
    """KeyError for who is let in at this moment."""
    addresses: Callable[[], Sequence[str]]
    announce: Callable[[], str]
    chief: Callable[[], str | None]
    learned: Callable[[str, Sequence[str]], None]


def build_healing(
    around: Surroundings,
    targets: Targets,
    health: Health,
    attempts: Attempts,
    asking: Asking,
    ssh: SshConnections,
    store: Store,
    clock: NodeClock,
    counters: Counters,
    events: Events,
) -> Healing:
    """The healer, which answers those of peers from now on."""
    members = targets.members

    def why_away(node: str) -> str:
        try:
            return around.presence_of(node).is_away
        except KeyError:
            return ""

    mending = Mending(targets, counters, around.announce)
    answering = RepairAnswering(members, mending, clock, counters, around.addresses, around.is_running)
    asking.serve(RepairAsk, answering.answer)
    return Healing(
        members,
        targets,
        health,
        attempts,
        asking,
        store,
        clock,
        counters,
        events,
        mending,
        Outside(over_ssh(ssh), ssh.why_not, ssh.home_of),
        Human(counters),
        is_there=around.is_there,
        why_away=why_away,
        chief=around.chief,
        learned=around.learned,
    )
