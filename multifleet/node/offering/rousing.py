"""Has sessions without an inbox woken with what lies ready for them, by the programs that wait beside their clients."""

from pathlib import Path

from multifleet.node.clock import NodeClock
from multifleet.node.offering.live_sessions import AT_TERMINAL
from multifleet.node.offering.offers import Offers
from multifleet.sessions.base import Found, Session, Status
from multifleet.sessions.seeds import SeedBox
from multifleet.sessions.waiters import Waiters

AGAIN = 5.0
"""Seconds after which one is told again that did not take it: it may have found that nobody would be asked."""


class Rousing:
    """One for the node."""

    def __init__(self, home: Path, seeds: SeedBox, offers: Offers, clock: NodeClock) -> None:
        self._waiters = Waiters(home)
        self._seeds = seeds
        self._offers = offers
        self._clock = clock

    def look(self, found: Found) -> None:
        """Tell whoever waits beside a session that something urgent enough lies ready for it."""
        live = {one.session_id: one for one in found.sessions if one.socket is None and one.entrypoint == AT_TERMINAL}
        now = self._clock.monotonic()
        for offer in self._offers if live else ():
            session = live.get(offer.session)
            if session is None or not offer.lies_ready or not _may_wake(session, offer.loudness):
                continue
            if now - offer.rung_at >= AGAIN and self._seeds.waits(offer.session):
                if self._waiters.ring(session.session_id, session.pid):
                    offer.rung_at, offer.met = now, True


def _may_wake(session: Session, loudness: int) -> bool:
    """Whether a session is to be disturbed for this now; a busy one is shown it at the end of its turn all the same."""
    if session.status is Status.WAITING:
        return False  # its user is asked something
    return loudness == 0 or (loudness == 1 and session.status is not Status.BUSY)
