"""Builds the parts of a node that carry frames to peers and learn how well that goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from multifleet.channels.base import Channel
from multifleet.core.fence import FencedMessage
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.attempts import Attempts, Packed, Take
from multifleet.node.delivery.delivery import Delivery
from multifleet.node.delivery.endings import Endings
from multifleet.node.delivery.exchange import Exchange
from multifleet.node.delivery.health import Health
from multifleet.node.delivery.hearing import Hearing
from multifleet.node.delivery.own_events import OwnEvents
from multifleet.node.delivery.peer_outboxes import PeerOutboxes
from multifleet.node.delivery.probing import Probing
from multifleet.node.delivery.targets import Targets, own_routes
from multifleet.node.delivery.tracker import Tracker
from multifleet.node.members import Member, Members
from multifleet.node.setup import Setup
from multifleet.store.store import Store


@dataclass(frozen=True, slots=True)
class DeliveryParts:
    """What a node has of it."""

    exchange: Exchange
    outboxes: PeerOutboxes
    hearing: Hearing
    health: Health
    targets: Targets
    attempts: Attempts
    delivery: Delivery
    probing: Probing
    own_events: OwnEvents
    endings: Endings

    @classmethod
    def build(
        cls,
        setup: Setup,
        members: Members,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        tracker: Tracker,
        channels: Sequence[Channel],
        *,
        addresses: Callable[[Member], tuple[str, ...]],
        is_there: Callable[[str], bool],
        heard: Callable[[Member, str], None],
        take: Take,
        in_the_clear: Callable[[Sequence[Packed]], tuple[FencedMessage, ...]],
    ) -> Self:
        """All of them; nothing is loaded yet. The callables are those of `Targets` and `Attempts`."""
        config = setup.config
        exchange = Exchange(setup.identity.node, clock, store.receipts.durable_have, proved=members.proved)
        outboxes = PeerOutboxes(members, store, clock, counters, own_routes(config))
        health = Health(store, clock)

        def arrived(node: str, message_id: str, channel: str, at: float) -> None:
            outboxes.arrived(node, message_id)
            health.arrived(node, channel, at)

        hearing = Hearing(setup.identity.node, store, counters, tracker, outboxes.ended, arrived)
        targets = Targets({channel.name: channel for channel in channels}, config, members, addresses, is_there)
        attempts = Attempts(
            targets, exchange, hearing, health, store, clock, counters, heard, take=take, in_the_clear=in_the_clear
        )
        delivery = Delivery(attempts, targets, members, health, clock)
        own_events = OwnEvents(members, clock)
        endings = Endings(store, clock, own_events, tracker, is_unknown=outboxes.is_unknown, drop=outboxes.drop)
        outboxes.delivery, outboxes.endings = delivery, endings
        probing = Probing(targets, attempts, health, clock)
        return cls(exchange, outboxes, hearing, health, targets, attempts, delivery, probing, own_events, endings)
