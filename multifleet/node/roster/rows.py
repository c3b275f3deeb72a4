"""From what the roster says of a member to the row that pins it: keys and addresses of its newest card."""

import msgspec

from multifleet.core.card import BadCard, Card, SignedCard, read_card
from multifleet.core.documents import Signed
from multifleet.core.roster import MemberFacts
from multifleet.store.rows import PeerRow


class _Addresses(msgspec.Struct):
    addresses: list[str] = []


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
    observed = [one for one in mine.addresses if one not in _addresses(mine.card)] if mine else []
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


def card_in(row: PeerRow) -> list[Signed]:
    """The card of a row as a document; nothing where there is no good one in it."""
    try:
        signed = SignedCard(row.card.decode(), row.signature.hex())
        card: Card = read_card(signed)
    except (BadCard, UnicodeDecodeError):
        return []
    return [Signed(signed.card, signed.signature)] if card.ed25519 == row.ed25519.hex() else []


def _addresses(card: bytes) -> list[str]:
    try:
        return msgspec.json.decode(card, type=_Addresses).addresses
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []
