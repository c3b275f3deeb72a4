"""The rows that pin members: from what the roster says of each, with the keys and addresses of its newest card."""

from collections.abc import Sequence

import msgspec

from multifleet.core.card import BadCard, Card, SignedCard, addresses_in, read_card, sign_card
from multifleet.core.documents import Signed
from multifleet.core.keys import Identity
from multifleet.core.roster import MemberFacts
from multifleet.store.rows import PeerRow


def row_of(facts: MemberFacts, known: PeerRow | None, now: float) -> PeerRow | None:
    """The row of a member; None as long as nothing says what its keys are.

    `known` is the row of that name which was there before. What was observed stays beside what a new card says: a
    machine does not always know at which address others see it.
    """
    mine = known if known is not None and known.ed25519.hex() == facts.key else None
    if facts.card is None or facts.signed_card is None:
        return mine and msgspec.structs.replace(mine, role=facts.role)
    text = facts.signed_card.text.encode()
    if mine is not None and mine.card == text:
        return msgspec.structs.replace(mine, role=facts.role)
    observed = [one for one in mine.addresses if one not in addresses_in(mine.card)] if mine else []
    fresh = PeerRow(
        node=facts.node,
        ed25519=bytes.fromhex(facts.key),
        x25519=bytes.fromhex(facts.card.x25519),
        card=text,
        signature=bytes.fromhex(facts.signed_card.signature),
        addresses=tuple(dict.fromkeys([*facts.card.addresses, *observed])),
        added_at=mine.added_at if mine else now,
        via=mine.via if mine else "roster",
        role=facts.role,
    )
    if mine is None:
        return fresh
    return msgspec.structs.replace(
        mine,
        x25519=fresh.x25519,
        card=fresh.card,
        signature=fresh.signature,
        addresses=fresh.addresses,
        role=fresh.role,
    )


def own_row(identity: Identity, addresses: Sequence[str], near: Sequence[str], started_at: float) -> PeerRow:
    """The row of this node itself, which sends to its own seats as to a peer; `near` is tried first."""
    signed = sign_card(identity, list(addresses), int(started_at * 1000), "")
    return PeerRow(
        node=identity.node,
        ed25519=identity.public,
        x25519=identity.exchange_public,
        card=signed.card.encode(),
        signature=bytes.fromhex(signed.signature),
        addresses=tuple([*near, *addresses]),
        added_at=started_at,
        via="self",
    )


def card_in(row: PeerRow) -> list[Signed]:
    """The card of a row as a document; nothing where there is no good one in it."""
    try:
        signed = SignedCard(row.card.decode(), row.signature.hex())
        card: Card = read_card(signed)
    except (BadCard, UnicodeDecodeError):
        return []
    return [Signed(signed.card, signed.signature)] if card.ed25519 == row.ed25519.hex() else []

