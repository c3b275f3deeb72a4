"""What the engine wants done. The caller carries the effects out in their order; none of them answers the engine."""

from dataclasses import dataclass

from multifleet.core.presence.gossip import Document, Gossip
from multifleet.core.presence.states import PresenceState


@dataclass(frozen=True, slots=True)
class Send:
    """Seal `gossip` for the member `to` and send it to its best address, or to every one that is known."""

    to: str
    gossip: Gossip
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Send `gossip` back to the very address from which the datagram came that is being heard."""

    to: str
    gossip: Gossip


@dataclass(frozen=True, slots=True)
class Changed:
    """A peer came into another state. Keep (after, how, incarnation), and tell who listens."""

    name: str
    before: PresenceState
    after: PresenceState
    how: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A peer that was alive when this daemon stopped is, and has been all the time: what is kept of it holds."""

    name: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A ping of ours was answered just now, so the address that this datagram came from is the peer's."""

    name: str
    round_trip: float


@dataclass(frozen=True, slots=True)
class Returned:
    """A peer proved a boot that was not known: what waits for it is worth sending now."""

    name: str


@dataclass(frozen=True, slots=True)
class TryHttp:
    """Make one signed round trip over HTTP with the peer; call `heard` if it succeeds, and nothing if it fails."""

    name: str


@dataclass(frozen=True, slots=True)
class Learned:
    """A roster document that another node passed on; nothing of it has been checked. Give it to the roster, and to
    `spread` if it was new there."""

    sender: str
    document: Document


@dataclass(frozen=True, slots=True)
class Differs:
    """The peer's roster has differed from ours for more than a moment: reconcile."""

    name: str


@dataclass(frozen=True, slots=True)
class Raised:
    """This node's own incarnation grew: keep it, it must never shrink."""

    incarnation: int


Effect = Send | Reply | Changed | Confirmed | Answered | Returned | TryHttp | Learned | Differs | Raised
