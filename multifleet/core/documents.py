"""The documents of which a roster is made: who let whom in, who put whom out, who left, who stopped the fleet, and what
a node says of itself.

Each is a text and an Ed25519 signature over its exact bytes, so anybody may pass it on. Reading one says what was
signed and by which key; it never says whether that key was entitled to it. That is a question to the whole roster.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from multifleet.core.card import BadCard, Card, Key, SignedCard, read_card
from multifleet.core.ids import NODE_PATTERN
from multifleet.core.keys import Identity, signed_by
from multifleet.core.strict import NotStrict, parse

TEXT_LIMIT = 64 * 1024
"""Bytes of a document's text."""
REASON_LIMIT = 200
"""Characters of a revocation's reason."""
LAST_MOMENT = 10**15
_BEGINNING = b'{"'

Role: TypeAlias = Literal["captain", "worker"]
Kind: TypeAlias = Literal["admission", "revocation", "leave", "stop", "card"]
NodeId: TypeAlias = Annotated[str, msgspec.Meta(pattern=f"^{NODE_PATTERN}\\Z")]
FleetId: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}\\Z")]
Moment: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=LAST_MOMENT)]
Reason: TypeAlias = Annotated[str, msgspec.Meta(max_length=REASON_LIMIT)]


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document as it travels and is kept."""

    text: Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT)]
    """Strict JSON."""
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}\\Z")]
    """Ed25519, of the text's bytes, by the key that the text names as its signer."""


class Admission(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="admission"
):
    """A captain's word that a node belongs to the fleet."""

    fleet: FleetId
    """The fleet id."""
    node: NodeId
    """Who was let in: its id,"""
    key: Key
    """and its Ed25519 key."""
    role: Role
    """A captain may let others in and put them out; a worker may not."""
    eligible: bool
    """Whether it may become the chief."""
    by: Key
    """The captain's Ed25519 key, which signs."""
    at: Moment
    """Wall-clock milliseconds."""


class Revocation(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="revocation"
):
    """A captain's word that a key is out for good."""

    fleet: FleetId
    """The fleet id."""
    node: NodeId
    """The id of the node that had the key, for people."""
    key: Key
    """The Ed25519 key that is out."""
    by: Key
    """The captain's Ed25519 key, which signs."""
    at: Moment
    """Wall-clock milliseconds."""
    reason: Reason
    """For people."""
    admitted: list[Key]
    """Keys which the revoked one had let in and that stay in. Whoever is not named here goes out with it."""
    revoked: list[Key]
    """Keys which the revoked one had put out and that stay out."""


class Leave(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="leave"
):
    """A node's own word that it has left."""

    fleet: FleetId
    """The fleet id."""
    node: NodeId
    """Its id."""
    key: Key
    """Its Ed25519 key, which signs."""
    at: Moment
    """Wall-clock milliseconds."""


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="stop"):
    """A captain's word that nothing is shown to any session of the fleet, or that it is shown again."""

    fleet: FleetId
    """The fleet id."""
    by: Key
    """The captain's Ed25519 key, which signs."""
    at: Moment
    """Wall-clock milliseconds."""
    stopped: bool
    """Whether it stops, or is over."""


Body: TypeAlias = Admission | Revocation | Leave | Stop | Card


class BadDocument(ValueError):
    """A document that is not one, is of another fleet, or was not signed by the key that it names."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read."""

    signed: Signed
    body: Body
    kind: Kind
    id: str
    """32 hex digits: of the text and the signature."""
    key: str
    """Whom it is about."""
    by: str
    """Who signed it."""
    at: int
    """When, by the signer's clock."""
    slot: tuple[str, ...]
    """Of all documents with the same slot only the newest is of interest."""

    def is_newer_than(self, other: "Document") -> bool:
        """Which of two documents with one slot is kept, the same wherever they meet."""
        return (-self.at, self.id) < (-other.at, other.id)


def sign(identity: Identity, body: Body) -> Signed:
    """The document, signed by this node."""
    text = msgspec.json.encode(body)
    if len(text) > TEXT_LIMIT:
        raise BadDocument(f"the document has more than {TEXT_LIMIT} bytes")
    return Signed(text.decode(), identity.sign(text).hex())


def from_card(card: SignedCard) -> Signed:
    """A card as a document of the roster."""
    return Signed(card.card, card.signature)


def as_card(signed: Signed) -> SignedCard:
    """The document of a card as a card."""
    return SignedCard(signed.text, signed.signature)


def read(signed: Signed, fleet: str) -> Document:
    """The document, once its signature has been checked; BadDocument says what is wrong."""
    document = look(signed, fleet)
    verify(document)
    return document


def look(signed: Signed, fleet: str) -> Document:
    """What the document claims, with its signature *not* checked: enough to see whether checking is worth it."""
    try:
        text = signed.text.encode()
    except UnicodeEncodeError:
        raise BadDocument("the text is not Unicode") from None
    if len(text) > TEXT_LIMIT:
        raise BadDocument(f"the document has more than {TEXT_LIMIT} bytes")
    if not text.startswith(_BEGINNING):
        raise BadDocument("not a document: it is no object")  # said at once: reading what nobody signed costs time
    try:
        content = parse(text)
        body = _body(content)
    except (NotStrict, msgspec.ValidationError) as error:
        raise BadDocument(f"not a document: {error}") from None
    name = hashlib.sha256(signed.signature.encode() + text).hexdigest()[:32]
    if isinstance(body, Card):
        # A card names no fleet: it admits nobody, and counts only for a key that a document of this fleet lets in.
        key = body.ed25519
        return Document(signed, body, "card", name, key, key, body.issued, ("card", key, body.node))
    if body.fleet != fleet:
        raise BadDocument("the document is of another fleet")
    if isinstance(body, Leave):
        return Document(signed, body, "leave", name, body.key, body.key, body.at, ("leave", body.key))
    if isinstance(body, Stop):
        return Document(signed, body, "stop", name, body.by, body.by, body.at, ("stop", body.by))
    if body.key == body.by:
        raise BadDocument("nobody lets himself in or puts himself out")
    if isinstance(body, Admission):
        # What was given is not taken back by a later admission, so that of each role is kept.
        slot = ("admission", body.key, body.by, body.role)
        return Document(signed, body, "admission", name, body.key, body.by, body.at, slot)
    return Document(signed, body, "revocation", name, body.key, body.by, body.at, ("revocation", body.key, body.by))


def verify(document: Document) -> None:
    """BadDocument, unless the document was signed by the key that it names as its signer."""
    signed = document.signed
    if isinstance(document.body, Card):
        try:
            read_card(as_card(signed))
        except BadCard as error:
            raise BadDocument(str(error)) from None
    elif not signed_by(bytes.fromhex(document.by), bytes.fromhex(signed.signature), signed.text.encode()):
        raise BadDocument("the signature is not by the key that the document names as its signer")


def _body(content: Any) -> Body:
    if isinstance(content, dict) and "kind" in content:
        return msgspec.convert(content, Admission | Revocation | Leave | Stop)
    return msgspec.convert(content, Card)
