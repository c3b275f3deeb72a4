"""The documents that this node signs: its card, whom it lets in, whom it puts out, that it leaves.

It signs what it is told to; whether it is entitled to that is asked before.
"""

from collections.abc import Callable, Iterable

from multifleet import __version__
from multifleet.core.card import sign_card
from multifleet.core.documents import REASON_LIMIT, Admission, Leave, Revocation, Role, Signed, from_card, sign
from multifleet.core.roster import MemberFacts, Out, Roster
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
        return from_card(sign_card(identity, addresses[:16], self._after([issued]), __version__))

    def admission(self, node: str, key: str, role: Role, eligible: bool) -> Signed:
        """That a machine belongs to the fleet; also where it has left before."""
        left = [held.at for held in self._roster().held("leave", key)]
        body = Admission(
            fleet=self._members.fleet,
            node=node,
            key=key,
            role=role,
            eligible=eligible,
            by=self.key,
            at=self._after(left),
        )
        return sign(self._members.identity, body)

    def revocation(
        self, target: MemberFacts | Out, reason: str, admitted: Iterable[str], revoked: Iterable[str]
    ) -> Signed:
        """That a key is out for good; who stays in of those that it let in, and who stays out that it put out."""
        body = Revocation(
            fleet=self._members.fleet,
            node=target.node,
            key=target.key,
            by=self.key,
            at=self._after(held.at for held in self._roster().held("revocation", target.key) if held.by == self.key),
            reason=reason[:REASON_LIMIT],
            admitted=sorted(admitted),
            revoked=sorted(revoked),
        )
        return sign(self._members.identity, body)

    def leave(self) -> Signed:
        """That this node has left."""
        let_in = [held.at for held in self._roster().held("admission", self.key)]
        body = Leave(
            fleet=self._members.fleet, node=self._members.identity.node, key=self.key, at=self._after(let_in)
        )
        return sign(self._members.identity, body)

    def _after(self, moments: Iterable[int]) -> int:
        return max(round(self._clock.now() * 1000), *(moment + 1 for moment in moments), 0)
