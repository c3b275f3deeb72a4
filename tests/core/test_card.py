"""A card is believed only under the signature of its own key."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.card import BadCard, SignedCard, issued_of, read_card, sign_card
from tests.core.wire import MAC1, MAC2, NOW

SIGNED = sign_card(MAC1, ["10.0.0.1:8855", "[fd00::1]:8855"], NOW, "1.2.3")


def test_a_card_says_what_was_signed() -> None:
    card = read_card(SIGNED)
    assert (card.node, card.issued, card.version) == ("mac1", NOW, "1.2.3")
    assert bytes.fromhex(card.ed25519) == MAC1.public
    assert bytes.fromhex(card.x25519) == MAC1.exchange_public
    assert card.addresses == ["10.0.0.1:8855", "[fd00::1]:8855"]


@given(st.integers(0, len(SIGNED.card) - 1), st.characters(exclude_categories=["Cs"]))
def test_any_changed_character_is_noticed(place: int, character: str) -> None:
    text = SIGNED.card[:place] + character + SIGNED.card[place + 1 :]
    if text != SIGNED.card:
        with pytest.raises(BadCard):
            read_card(SignedCard(text, SIGNED.signature))


def test_another_keys_signature_is_refused() -> None:
    with pytest.raises(BadCard, match="own key"):
        read_card(SignedCard(SIGNED.card, MAC2.sign(SIGNED.card.encode()).hex()))


@pytest.mark.parametrize(
    "changed",
    [
        {"node": "../../x"},
        {"node": "mac1\n"},
        {"ed25519": MAC1.public.hex() + "\n"},
        {"ed25519": MAC1.public.hex()[:-1]},
        {"issued": 1.5},
        {"addresses": ["a" * 301]},
        {"addresses": ["a:1"] * 17},
        {"version": "1" * 41},
        {"extra": 1},
    ],
)
def test_a_card_of_another_shape_is_refused_though_it_is_signed(changed: dict[str, Any]) -> None:
    text = msgspec.json.encode({**msgspec.json.decode(SIGNED.card), **changed})
    with pytest.raises(BadCard, match="not a card"):
        read_card(SignedCard(text.decode(), MAC1.sign(text).hex()))


def test_a_card_with_a_key_twice_is_refused_though_it_is_signed() -> None:
    text = SIGNED.card[:-1] + ',"node":"mac2"}'
    with pytest.raises(BadCard, match="twice"):
        read_card(SignedCard(text, MAC1.sign(text.encode()).hex()))


def test_when_a_card_was_issued_is_read_from_its_text_and_nought_from_anything_else() -> None:
    assert issued_of(SIGNED.card.encode()) == NOW
    assert [issued_of(text) for text in (b"", b"{}", b"[]", b"\xff", b'{"issued":"x"}')] == [0, 0, 0, 0, 0]
