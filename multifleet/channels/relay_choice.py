"""Which third machines are asked to pass something on, and in which order. It remembers what came of it before."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from multifleet.channels.base import Target

RELAYS_AT_MOST = 4
"""Asked for one frame."""
REMEMBERED = 4_096
"""Messages of which it is known who was given them."""


class RelayChoice:
    """For one node; it believes no relay's word that something was passed on."""

    def __init__(self) -> None:
        self._good: dict[str, str] = {}
        self._given: OrderedDict[str, frozenset[str]] = OrderedDict()

    def order(self, me: str, to: Target, ids: Sequence[str], chief: str | None, all: Sequence[Target]) -> list[Target]:
        """The relays for messages to a peer, best first.

        The chief comes first, then whoever is there: the same ones for all who write to that peer. One that was given
        these messages before goes last: who has to send them again has heard nothing of them.
        """
        third = [one for one in all if one.node not in (me, to.node) and (one.is_there or one.node == chief)]
        before = frozenset[str]().union(*(self._given.get(id, frozenset()) for id in ids))

        def place(relay: Target) -> tuple[bool, bool, bool, bool, bytes]:
            return (
                relay.node in before,
                not relay.is_there,
                relay.node != chief,
                relay.node != self._good.get(to.node),
                hashlib.sha256(f"{to.node} {relay.node}".encode()).digest(),
            )

        return sorted(third, key=place)[:RELAYS_AT_MOST]

    def given(self, ids: Sequence[str], to: str, relay: str) -> None:
        """A relay has said that it took these, or passed them on."""
        self._good[to] = relay
        for id in ids:
            self._given[id] = self._given.pop(id, frozenset()) | {relay}
        while len(self._given) > REMEMBERED:
            self._given.popitem(last=False)

    def forget(self, to: str) -> None:
        """Think of all relays alike for a peer."""
        self._good.pop(to, None)
