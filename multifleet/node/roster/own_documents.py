"""The documents that this node signs: its card, whom it lets in, whom it puts out, that it leaves.

It signs what it is told to; whether it is entitled to that is asked before.
"""

from collections.abc import Callable

from multifleet import __version__
from multifleet.core.card import sign_card
from multifleet.core.documents import Role, Signed, from_card
from multifleet.core.issuing import make_admission, make_leave, make_revocation, make_stop
from multifleet.core.roster import Roster
from multifleet.node.clock import NodeClock
from multifleet.node.members import Members


class OwnDocuments:
    """One for the node. Moments are milliseconds; each document is newer than what it is to outdo."""

    def __init__(
        self,
        members: Members,
        clock: NodeClock,
        roster: Callable[[], Roster],
        addresses: Callable[[], list[str]],
    ) -> None:
        self._members = members
        self._clock = clock
        self._roster = roster
        self._addresses = addresses

    @property
    def key(self) -> str:
        """This node's Ed25519 key in hex."""
        return self._members.identity.public.hex()

    def card(self) -> Signed:
        """This node's card: the one that is known already, if nothing in it has changed."""
        identity = self._members.identity
        addresses = self._addresses()
        issued = 0
        for held in self._roster().held("card", self.key):
            issued = max(issued, held.at)
            card = held.body
            if (
                held.key == self.key
                and getattr(card, "node", "") == identity.node
                and getattr(card, "x25519", "") == identity.exchange_public.hex()
                and getattr(card, "addresses", None) == addresses[:16]
                and getattr(card, "version", "") == __version__
            ):
                return held.signed
        return from_card(sign_card(identity, addresses[:16], max(self._now(), issued + 1), __version__))

    def admission(self, node: str, key: str, role: Role, eligible: bool) -> Signed:
        """That a machine belongs to the fleet; also where it has left before."""
        return make_admission(
            self._roster(), self._members.identity, node, key, self._now(), role=role, eligible=eligible
        )

    def revocation(
        self, key: str, reason: str, *, with_admitted: bool = False, bring_others_back: bool = False
    ) -> list[Signed]:
        """That a key is out for good, and what else is needed so that whom it let in stays in, if that is wanted."""
        return make_revocation(
            self._roster(),
            self._members.identity,
            key,
            self._now(),
            reason,
            with_admitted=with_admitted,
            bring_others_back=bring_others_back,
        )

    def stop(self, *, stopped: bool) -> Signed:
        """That nothing is shown to any session of the fleet, or that this is over."""
        return make_stop(self._roster(), self._members.identity, self._now(), stopped=stopped)

    def leave(self) -> Signed:
        """That this node has left."""
        return make_leave(self._roster(), self._members.identity, self._now())

    def _now(self) -> int:
        return round(self._clock.now() * 1000)
