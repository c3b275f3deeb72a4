"""Builds the parts of a node that know who is in the fleet, and ties them to the parts that send and take."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from multifleet.channels.connections import Connections
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.building import DeliveryParts
from multifleet.node.members import Member, Members
from multifleet.node.roster.captaincy import Captaincy
from multifleet.node.roster.exchange import RosterExchange
from multifleet.node.roster.joining import Joining
from multifleet.node.roster.keeping import Keeping
from multifleet.node.roster.membership import Membership
from multifleet.node.roster.parting import Parting
from multifleet.node.roster.roles import Roles
from multifleet.node.roster.rostering import Rostering
from multifleet.node.roster.rounds import RosterRounds
from multifleet.node.setup import Setup
from multifleet.store.store import Store


@dataclass(frozen=True, slots=True)
class RosterParts:
    """What a node has of it."""

    keeping: Keeping
    rostering: Rostering
    roles: Roles
    exchange: RosterExchange
    rounds: RosterRounds
    membership: Membership
    captaincy: Captaincy
    joining: Joining

    @classmethod
    def build(
        cls,
        setup: Setup,
        members: Members,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        sending: DeliveryParts,
        connections: Connections,
        *,
        own_addresses: Callable[[], list[str]],
        heard: Callable[[Member, str], None],
        is_there: Callable[[str], bool],
        turn_away: Callable[[str, str], Awaitable[int]],
    ) -> Self:
        """All of them; nothing is loaded yet."""

        def renamed(node: str) -> None:
            store.receipts.forget(node)
            sending.hearing.forget(node)

        keeping = Keeping(setup.home, store, counters)
        parting = Parting(
            members,
            store,
            clock,
            counters,
            sending.endings,
            entered=sending.outboxes.entered,
            stop_sending=sending.outboxes.stop_sending,
            turn_away=turn_away,
            renamed=renamed,
        )
        rostering = Rostering(keeping, members, clock, counters, own_addresses, parting)
        roles = Roles(setup.config, setup.shared_key is not None)
        exchange = RosterExchange(
            rostering, members, sending.exchange, sending.attempts, sending.targets, clock, counters, heard
        )
        rounds = RosterRounds(rostering, exchange, members, clock, counters, rostering.keep_file, is_there)
        configured = setup.config.nodes.items() if setup.shared_key else ()
        membership = Membership(
            members,
            rostering,
            roles,
            shared_key=setup.shared_key,
            has_left=setup.has_left,
            expected={name: entry.addresses for name, entry in configured if name != setup.identity.node},
            own_addresses=own_addresses,
        )
        captaincy = Captaincy(members, membership, rostering, parting, exchange)
        joining = Joining(membership, store, clock, counters, connections)
        return cls(keeping, rostering, roles, exchange, rounds, membership, captaincy, joining)
