"""What other machines tell of their seats: which there are, and what a session on one of them does at this moment."""

from collections.abc import Iterable, Mapping, Sequence

from multifleet.channels.base import ChannelError
from multifleet.core.native_idle import At
from multifleet.core.presence.peer import PeerPresence
from multifleet.core.presence.states import PresenceState
from multifleet.core.session_cards import SessionCard, SessionsAsk, SessionsTold, status_of
from multifleet.node.asking import Asking

SECONDS = 3.0
"""For an answer."""
THERE = (PresenceState.ALIVE, PresenceState.SUSPECT)


def seats_of(
    peers: Iterable[PeerPresence], cards: Mapping[str, Sequence[SessionCard]]
) -> dict[str, dict[str, str] | None]:
    """The seats of each other member with what is done there, None where it is away.

    Without that where the cards are not of the same moment as the facts, which say it with every heartbeat.
    """
    found: dict[str, dict[str, str] | None] = {}
    for peer in peers:
        if peer.facts is None or peer.state not in THERE:
            found[peer.name] = None
            continue
        told = cards.get(peer.name, ()) if peer.facts.sessions else ()
        seats = sorted({*peer.facts.seats, *(card.seat for card in told if card.seat)})
        is_of_now = sorted(peer.facts.doing) == sorted(card.state[0] for card in told)
        found[peer.name] = {seat: status_of(told, seat) if is_of_now else "" for seat in seats}
    return found


async def sessions_at(asking: Asking, node: str, seat: str) -> list[At] | None:
    """What the sessions on a remote seat do now; None where its machine does not say."""
    try:
        told = await asking.ask(node, SessionsAsk(), SECONDS)
    except ChannelError:
        return None
    assert isinstance(told, SessionsTold)
    found = [At(card.state, card.seconds) for card in told.cards if card.seat == seat]
    return None if told.more and not found else found
