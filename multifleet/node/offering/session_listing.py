"""The agent sessions of the whole fleet for somebody who looks: this machine's own, and what the others tell now."""

from typing import TYPE_CHECKING

from multifleet.core.presence.states import PresenceState
from multifleet.core.session_cards import Known
from multifleet.errors import UnknownSession
from multifleet.node.offering.detecting import detected
from multifleet.node.offering.gold import Golds
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.operations.session_views import GoldListing, GoldView, PeerSessionView, SessionListing

if TYPE_CHECKING:
    from multifleet.node.engine import Engine

SECONDS = 2.0
"""For all questions of one look."""
_THERE = PresenceState.ALIVE
_AWAY = {
    PresenceState.DEAD: "it does not answer",
    PresenceState.ASLEEP: "it sleeps",
    PresenceState.LEFT: "it has left",
}


async def session_listing(node: "Engine", *, here: bool) -> SessionListing:
    """What is open; `here`: on this machine alone."""
    own = await detected(node.offering.live, node.clock.wall())
    if here:
        return SessionListing(own)
    members = sorted(member.node for member in node.members.others())
    states = {name: node.presence.peer(name).state for name in members}
    # Those first that are likely to answer: the others may use up the time of whoever comes after them.
    asked = sorted((name for name in members if states[name] not in _AWAY), key=lambda name: states[name] != _THERE)
    silent = await node.remote_sessions.look(asked, SECONDS)
    peers: list[PeerSessionView] = []
    notes: list[str] = []
    without: list[str] = []
    for name in members:
        known = node.remote_sessions.known(name)
        why = _AWAY.get(states[name]) or silent.get(name)
        if known is not None:
            peers += _peers(name, known, node.clock.monotonic(), node.clock.wall())
            if known.more:
                notes.append(f"{name}: {known.more} more, which it does not tell of")
            elif not known.cards and not why:
                without.append(name)
        if why:
            notes.append(f"{name}: {why}" + ("; shown is what it told last" if known is not None else ""))
    return SessionListing(own, peers, notes, without)


def _peers(name: str, known: Known, now: float, wall: float) -> list[PeerSessionView]:
    views = []
    for card in known.cards:
        seconds = known.seconds(card, now)
        told_at = wall - (now - known.at)
        quiet_until = told_at + card.quiet_for if card.quiet_for is not None else None
        views.append(
            PeerSessionView(
                node=name,
                address=f"{name}/{card.seat}" if card.seat else None,
                client=card.client,
                status=card.state,
                since=None if seconds is None else wall - seconds,
                branch=card.branch or None,
                told_at=told_at,
                dnd=card.quiet and (quiet_until is None or quiet_until > wall),
                dnd_until=quiet_until,
                mate=card.mate,
            )
        )
    return views


async def gold_listing(live: LiveSessions, golds: Golds, wanted: str | None) -> GoldListing:
    """What each open session of this machine is about, or one of them."""
    found = (await live.find()).sessions
    if wanted is not None:
        found = tuple(session for session in found if session.session_id == wanted)
        if not found:
            raise UnknownSession(f"no session {wanted} is open here: multifleet sessions --here lists those that are")
    words = [await golds.words_of(one.session_id, one.cwd) for one in found]
    return GoldListing(
        [
            GoldView(session.session_id, live.seats.known_for(session.cwd), list(its))
            for session, its in zip(found, words, strict=True)
            if its
        ]
    )
