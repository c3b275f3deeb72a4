"""The test vector of a roster: five documents, what they are called, and what they come to."""

from typing import Any

from multifleet.core.card import sign_card
from multifleet.core.documents import Admission, Body, Leave, Revocation, Signed, from_card, look, sign
from multifleet.core.keys import Identity
from multifleet.core.roster import Anchor, Roster, bucket


def roster(fleet: str, at: int, one: Identity, two: Identity, three: Identity) -> dict[str, Any]:
    """`one` has founded the fleet, `two` has let in `three` and is revoked."""
    keys = [identity.public.hex() for identity in (one, two, three)]

    def let_in(by: int, who: int, role: Any) -> Body:
        node = (one, two, three)[who].node
        return Admission(
            fleet=fleet, node=node, key=keys[who], role=role, eligible=True, by=keys[by], at=at * 1000 + who
        )

    revocation = Revocation(
        fleet=fleet,
        node=two.node,
        key=keys[1],
        by=keys[0],
        at=at * 1000 + 9,
        reason="stolen",
        admitted=[keys[2]],
        revoked=[],
    )
    documents = [
        sign(one, let_in(0, 1, "captain")),
        sign(two, let_in(1, 2, "worker")),
        from_card(sign_card(three, ["192.0.2.7:8855"], at * 1000, "0.1.0")),
        sign(two, Leave(fleet=fleet, node=two.node, key=keys[1], at=at * 1000)),
        sign(one, revocation),
    ]
    made = Roster(fleet, keys[0], {keys[0]: Anchor(one.node)})
    made.merge(documents)
    view = made.view()
    return {
        "founder": keys[0],
        "documents": [_document(fleet, signed) for signed in documents],
        "digest": made.digest(),
        "members": {member.node: member.role for member in view.members.values()},
        "out": {gone.node: gone.how for gone in view.out.values()},
        "dated_back": _dated_back(fleet, at * 1000, one, two, three),
    }


def _dated_back(fleet: str, at: int, one: Identity, two: Identity, three: Identity) -> dict[str, Any]:
    """`one` lets in `two` and later `three`, which dates an admission of another key back that says it is `two`."""
    thief = "f" * 64

    def let_in(by: Identity, node: str, key: str, at: int) -> Signed:
        captain = by.public.hex()
        return sign(
            by, Admission(fleet=fleet, node=node, key=key, role="captain", eligible=True, by=captain, at=at)
        )

    documents = [
        let_in(one, two.node, two.public.hex(), at),
        let_in(one, three.node, three.public.hex(), at + 1),
        let_in(three, two.node, thief, 0),
    ]
    founder = one.public.hex()
    made = Roster(fleet, founder, {founder: Anchor(one.node)})
    made.merge(documents)
    view = made.view()
    return {
        "documents": [_document(fleet, signed) for signed in documents],
        "members": {member.node: [member.key, member.at] for member in view.members.values()},
        "out": {key: [gone.node, gone.how, gone.at] for key, gone in view.out.items()},
    }


def _document(fleet: str, signed: Signed) -> dict[str, Any]:
    document = look(signed, fleet)
    slot = bucket(document.slot)
    return {"text": signed.text, "signature": signed.signature, "id": document.id, "bucket": slot}
