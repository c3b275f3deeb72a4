"""What other machines tell of their seats: which there are, and what a session on one of them does at this moment."""

from collections.abc import Iterable, Mapping, Sequence

from multifleet.channels.base import ChannelError
from multifleet.core.native_idle import At
from multifleet.core.presence.peer import PeerPresence
from multifleet.core.presence.states import PresenceState
from multifleet.core.session_cards import SessionCard, SessionsAsk, SessionsTold
from multifleet.node.asking import Asking

SECONDS = 3.0
"""For an answer."""
THERE = (PresenceState.ALIVE, PresenceState.SUSPECT)


def seats_of(
    peers: Iterable[PeerPresence], cards: Mapping[str, Sequence[SessionCard]]
) -> dict[str, dict[str, str] | None]:
    """The seats of each other member, None where it is away.

    Without their status: cards come again when somebody sits down or gets up, not with each turn of a model.
    """
    found: dict[str, dict[str, str] | None] = {}
    for peer in peers:
        if peer.facts is None or peer.state not in THERE:
            found[peer.name] = None
            continue
        told = [card.seat for card in cards.get(peer.name, ()) if card.seat] if peer.facts.sessions else []
        found[peer.name] = dict.fromkeys(sorted({*peer.facts.seats, *told}), "")
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
