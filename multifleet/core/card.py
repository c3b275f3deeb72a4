"""The card: what a node says about itself, signed with the key that is its identity.

The signature is over the exact bytes of the card's JSON text, which travel as they are: nobody has to agree on how
JSON is written to check it.
"""

from typing import Annotated

import msgspec

from multifleet.core.ids import NODE_PATTERN
from multifleet.core.keys import Identity, signed_by
from multifleet.core.strict import NotStrict, parse

Key = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}\\Z")]


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node's own description of itself."""

    node: Annotated[str, msgspec.Meta(pattern=f"^{NODE_PATTERN}\\Z")]
    """Its id."""
    ed25519: Key
    """The identity; what peers pin."""
    x25519: Key
    """What pairwise keys are derived from."""
    issued: int
    """Wall-clock milliseconds; each card of a node has more than the one before, and the newest counts."""
    addresses: Annotated[list[Annotated[str, msgspec.Meta(max_length=300)]], msgspec.Meta(max_length=16)]
    """Where its daemon listens: "host:port"."""
    version: Annotated[str, msgspec.Meta(max_length=40)]
    """Of the program, for people."""


class SignedCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card's text and the Ed25519 signature over it (128 hex digits)."""

    card: str
    """The text."""
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}\\Z")]
    """Of the text's bytes, by the key that the text names."""


class BadCard(ValueError):
    """A card that is not one, or that its own key did not sign."""


def sign_card(identity: Identity, addresses: list[str], issued: int, version: str) -> SignedCard:
    """This node's card."""
    card = Card(
        node=identity.node,
        ed25519=identity.public.hex(),
        x25519=identity.exchange_public.hex(),
        issued=issued,
        addresses=addresses,
        version=version,
    )
    text = msgspec.json.encode(card)
    return SignedCard(text.decode(), identity.sign(text).hex())


def read_card(signed: SignedCard) -> Card:
    """The card, once its signature has been checked; BadCard says what is wrong."""
    text = signed.card.encode()
    try:
        card = msgspec.convert(parse(text), Card)
    except (NotStrict, msgspec.ValidationError) as error:
        raise BadCard(f"not a card: {error}") from None
    if not signed_by(bytes.fromhex(card.ed25519), bytes.fromhex(signed.signature), text):
        raise BadCard("the card's signature is not by its own key")
    return card


def issued_of(text: bytes) -> int:
    """When a card that was checked before was issued; 0 where the text is none."""
    try:
        return msgspec.json.decode(text, type=_Issued).issued
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return 0


def addresses_in(text: bytes) -> list[str]:
    """The addresses in a card that was checked before; none where the text is none."""
    try:
        return msgspec.json.decode(text, type=_Addresses).addresses
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []


class _Addresses(msgspec.Struct):
    addresses: list[str] = []


class _Issued(msgspec.Struct):
    issued: int = 0
