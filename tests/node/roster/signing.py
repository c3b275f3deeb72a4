"""Documents as anybody can sign them, entitled or not, whatever they come to."""

from collections.abc import Iterable

from multifleet.core.documents import Admission, Revocation, Signed, sign
from multifleet.core.roster import MemberFacts
from multifleet.node.node import Node


def admission(node: Node, name: str, key: str, at: int | None = None) -> Signed:
    """The node lets a captain in."""
    now = round(node.clock.now() * 1000) if at is None else at
    fleet, me = node.members.fleet, node.rostering.key
    body = Admission(fleet=fleet, node=name, key=key, role="captain", eligible=True, by=me, at=now)
    return sign(node.members.identity, body)


def revocation(
    node: Node, target: MemberFacts, reason: str = "", admitted: Iterable[str] = (), revoked: Iterable[str] = ()
) -> Signed:
    """The node puts a machine out."""
    body = Revocation(
        fleet=node.members.fleet,
        node=target.node,
        key=target.key,
        by=node.rostering.key,
        at=round(node.clock.now() * 1000),
        reason=reason,
        admitted=sorted(admitted),
        revoked=sorted(revoked),
    )
    return sign(node.members.identity, body)
