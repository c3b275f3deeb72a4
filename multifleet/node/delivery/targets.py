"""Peers as channels see them, and by which channels a message of a type may go to each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from multifleet.channels.base import Channel, Target
from multifleet.config import ChannelSettings, Config, NodeEntry
from multifleet.core.routing import CHANNELS, ChannelFacts, has_own_order, route
from multifleet.node.members import Member, Members

_NOTHING = NodeEntry()
_UNSET = ChannelSettings()


@dataclass(frozen=True, slots=True)
class Targets:
    """For one node."""

    channels: Mapping[str, Channel]
    config: Config
    members: Members
    addresses: Callable[[Member], tuple[str, ...]]
    """Where a member's frames may be posted."""
    is_there: Callable[[str], bool]
    _plain: dict[str, tuple[ChannelFacts, ...]] = field(default_factory=dict)
    """Type: the channels for it, whether this node has them or not, to whoever has no settings of its own."""

    def of(self, member: Member) -> Target:
        """One peer."""
        return Target(
            member.node,
            self.addresses(member),
            self.config.nodes.get(member.node, _NOTHING),
            member.row.ed25519.hex(),
            self.is_there(member.node),
        )

    def named(self, node: str) -> Target | None:
        """Another member; None where that is no member, or this node itself."""
        member = self.members.get(node) if node != self.members.identity.node else None
        return None if member is None else self.of(member)

    def all(self) -> Sequence[Target]:
        """All other members."""
        return [self.of(member) for member in self.members.others()]

    def route(self, type: str, target: Target) -> tuple[ChannelFacts, ...]:
        """The channels for a message of this type, best first: those that this node has and that lead there."""
        if target.configured.channels != _UNSET:
            known = route(type, CHANNELS, self.config.channels, target.configured.channels)
        else:
            if type not in self._plain:
                self._plain[type] = route(type, CHANNELS, self.config.channels)
            known = self._plain[type]
        at_hand = self.channels
        return tuple([one for one in known if one.name in at_hand and not at_hand[one.name].reaches(target)])

    def has_own_order(self, type: str, target: Target) -> bool:
        """Whether the user has said in which order they are tried."""
        return has_own_order(type, self.config.channels, target.configured.channels)

    def why_not(self, name: str, target: Target) -> str:
        """Why a channel is of no use to a peer, in words; empty where it is."""
        if name in self.config.channels.off or name in target.configured.channels.off:
            return "turned off in the configuration"
        channel = self.channels.get(name)
        return "not made by this daemon" if channel is None else channel.reaches(target)

    def facts(self, name: str, target: Target) -> ChannelFacts:
        """The channel's row, with the timeout that is set for this peer."""
        for said in (target.configured.channels, self.config.channels):
            if name in said.timeouts:
                return CHANNELS[name].within(said.timeouts[name])
        return CHANNELS[name]


def own_routes(config: Config) -> frozenset[str]:
    """The types of messages whose route the user has set, for all peers or for some."""
    settings = (config.channels, *(entry.channels for entry in config.nodes.values()))
    return frozenset(type for said in settings for type in said.routes)
