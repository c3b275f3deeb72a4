"""A document is believed to say what its signer signed, and nothing else."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.card import read_card
from multifleet.core.documents import (
    LAST_MOMENT,
    TEXT_LIMIT,
    Admission,
    BadDocument,
    Revocation,
    Signed,
    as_card,
    look,
    read,
    sign,
)
from tests.core.fleet import admits, identity, key, leaves, revokes, shows, stops
from tests.core.wire import FLEET

GOOD = {
    "admission": admits("mac1", "mac2", 5),
    "revocation": revokes("mac1", "mac2", 5, admitted=("mac3",), revoked=("mac4",), reason="stolen"),
    "leave": leaves("mac2", 5),
    "stop": stops("mac2", 5),
    "card": shows("mac2", issued=5),
}
SIGNERS = {"admission": "mac1", "revocation": "mac1", "leave": "mac2", "stop": "mac2", "card": "mac2"}
KINDS = pytest.mark.parametrize("kind", GOOD)


def signed_anew(kind: str, /, **fields: Any) -> Signed:
    """A document with other fields, and a good signature by whoever signed it first."""
    text = msgspec.json.encode({**msgspec.json.decode(GOOD[kind].text), **fields})
    return Signed(text.decode(), identity(SIGNERS[kind]).sign(text).hex())


@KINDS
def test_a_document_says_what_was_signed(kind: str) -> None:
    document = read(GOOD[kind], FLEET)
    assert (document.kind, document.key, document.at) == (kind, key("mac2"), 5)
    assert document.by == key(SIGNERS[kind])
    assert document.signed == GOOD[kind]


def test_the_lists_of_a_revocation_are_read() -> None:
    body = read(GOOD["revocation"], FLEET).body
    assert isinstance(body, Revocation)
    assert (body.admitted, body.revoked, body.reason) == ([key("mac3")], [key("mac4")], "stolen")


@KINDS
@given(data=st.data())
def test_any_changed_character_is_noticed(kind: str, data: st.DataObject) -> None:
    good = GOOD[kind]
    place = data.draw(st.integers(0, len(good.text) - 1))
    text = good.text[:place] + data.draw(st.characters(exclude_categories=["Cs"])) + good.text[place + 1 :]
    if text != good.text:
        with pytest.raises(BadDocument):
            read(Signed(text, good.signature), FLEET)


@KINDS
def test_another_keys_signature_is_refused(kind: str) -> None:
    forged = Signed(GOOD[kind].text, identity("mac9").sign(GOOD[kind].text.encode()).hex())
    with pytest.raises(BadDocument, match="signature"):
        read(forged, FLEET)


def test_who_is_named_as_signer_decides_and_not_who_is_let_in() -> None:
    text = GOOD["admission"].text
    with pytest.raises(BadDocument, match="signature"):
        read(Signed(text, identity("mac2").sign(text.encode()).hex()), FLEET)


@pytest.mark.parametrize("kind", ["admission", "revocation", "leave"])
def test_a_document_of_another_fleet_is_refused(kind: str) -> None:
    with pytest.raises(BadDocument, match="another fleet"):
        read(signed_anew(kind, fleet="e" * 32), FLEET)


@pytest.mark.parametrize("kind", ["admission", "revocation"])
def test_nobody_speaks_for_himself(kind: str) -> None:
    with pytest.raises(BadDocument, match="himself"):
        read(signed_anew(kind, key=key("mac1")), FLEET)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("admission", {"role": "chief"}),
        ("admission", {"eligible": 1}),
        ("admission", {"node": "../x"}),
        ("admission", {"node": "mac2\n"}),
        ("admission", {"key": key("mac2").upper()}),
        ("admission", {"by": key("mac1")[:-1]}),
        ("admission", {"at": -1}),
        ("admission", {"at": LAST_MOMENT + 1}),
        ("admission", {"at": 1.5}),
        ("admission", {"at": True}),
        ("admission", {"extra": 1}),
        ("admission", {"kind": "blessing"}),
        ("admission", {"kind": None}),
        ("admission", {"kind": "leave"}),
        ("revocation", {"reason": "x" * 201}),
        ("revocation", {"admitted": key("mac3")}),
        ("revocation", {"admitted": ["mac3"]}),
        ("revocation", {"revoked": [1]}),
        ("leave", {"fleet": "short"}),
        ("leave", {"by": key("mac2")}),
        ("card", {"kind": "card"}),
        ("card", {"issued": "now"}),
    ],
)
def test_a_document_of_another_shape_is_refused_though_it_is_signed(kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(BadDocument, match="not a document"):
        read(signed_anew(kind, **fields), FLEET)


@pytest.mark.parametrize("kind", ["admission", "revocation", "leave", "card"])
def test_every_field_has_to_be_there(kind: str) -> None:
    fields = msgspec.json.decode(GOOD[kind].text)
    for name in fields:
        text = msgspec.json.encode({other: value for other, value in fields.items() if other != name})
        with pytest.raises(BadDocument, match="not a document"):
            read(Signed(text.decode(), identity(SIGNERS[kind]).sign(text).hex()), FLEET)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '"x"', "\ud800", '{"kind":{}}', '{"kind":"leave","kind":"leave"}']
)
def test_what_is_no_document_at_all_is_refused(text: str) -> None:
    with pytest.raises(BadDocument):
        read(Signed(text, "0" * 128), FLEET)


def test_a_text_over_the_limit_is_refused_before_it_is_parsed() -> None:
    text = "é" * (TEXT_LIMIT // 2 + 1)
    with pytest.raises(BadDocument, match="bytes"):
        read(Signed(text, "0" * 128), FLEET)


def test_a_document_over_the_limit_is_not_made() -> None:
    with pytest.raises(BadDocument, match="bytes"):
        revokes("mac1", "mac2", admitted=("mac3",) * 1_000)


def test_a_card_is_the_same_as_a_document_of_the_roster() -> None:
    assert read_card(as_card(GOOD["card"])) == read(GOOD["card"], FLEET).body


def test_looking_checks_no_signature_and_reading_does() -> None:
    forged = Signed(GOOD["leave"].text, "0" * 128)
    assert look(forged, FLEET).key == key("mac2")
    with pytest.raises(BadDocument, match="signature"):
        read(forged, FLEET)


def test_ids_tell_texts_and_signatures_apart() -> None:
    good = GOOD["leave"]
    names = {look(each, FLEET).id for each in [good, leaves("mac2", 6), Signed(good.text, "0" * 128)]}
    assert len(names) == 3
    assert all(len(name) == 32 for name in names)


def test_of_two_documents_of_one_slot_exactly_one_is_newer() -> None:
    first, later = read(leaves("mac2", 5), FLEET), read(leaves("mac2", 6), FLEET)
    assert later.is_newer_than(first) and not first.is_newer_than(later)
    same_moment = [read(admits("mac1", "mac2", eligible=eligible), FLEET) for eligible in (True, False)]
    one, other = sorted(same_moment, key=lambda document: document.id)
    assert one.slot == other.slot
    assert one.is_newer_than(other) and not other.is_newer_than(one) and not one.is_newer_than(one)


def test_what_is_signed_is_read_back() -> None:
    body = Admission(
        fleet=FLEET, node="mac2", key=key("mac2"), role="worker", eligible=False, by=key("mac1"), at=LAST_MOMENT
    )
    assert read(sign(identity("mac1"), body), FLEET).body == body


def test_what_is_no_object_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_all(data: bytes) -> object:
        raise AssertionError("it was read")

    monkeypatch.setattr("multifleet.core.documents.parse", read_all)
    with pytest.raises(BadDocument, match="no object"):
        read(Signed("[" + "[]," * 19_000 + "0]", "0" * 128), FLEET)
