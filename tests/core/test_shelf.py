"""Documents are kept in bounded room, and nobody takes the room of the others."""

import itertools

from multifleet.core.card import sign_card
from multifleet.core.documents import Document, from_card, read
from multifleet.core.keys import Identity
from multifleet.core.shelf import WEIGHT, Shelf
from tests.core.fleet import admits, identity, key, leaves, revokes, shows
from tests.core.wire import FLEET

ENTITLED = {key("mac1"), key("mac2")}


def admission(by: str, node: str, at: int = 1) -> Document:
    """A document by `by`."""
    return read(admits(by, node, at), FLEET)


def filled(room: int, *documents: Document) -> Shelf:
    """A shelf with room for so many small documents."""
    shelf = Shelf(room * WEIGHT)
    for document in documents:
        assert shelf.put(document, ENTITLED) is not None
    return shelf


def test_the_newest_of_a_slot_is_kept_in_the_room_of_the_older() -> None:
    shelf = filled(1, admission("mac1", "a", 1))
    newer = admission("mac1", "a", 2)
    assert not shelf.is_full_for(newer)
    assert shelf.put(newer, ()) == [admission("mac1", "a", 1)]
    assert list(shelf) == [newer]


def test_a_stranger_gets_what_is_left_and_no_more() -> None:
    shelf = filled(1, admission("x", "a"))
    assert shelf.is_full_for(admission("x", "b"))
    assert shelf.put(admission("x", "b"), ENTITLED) is None
    assert shelf.put(admission("y", "b"), ENTITLED) is None
    assert list(shelf) == [admission("x", "a")]


def test_strangers_make_room_first_their_latest_document_before_the_others() -> None:
    shelf = filled(3, admission("mac1", "a"), admission("x", "b", 5), admission("x", "c", 7))
    assert shelf.put(admission("mac1", "d"), ENTITLED) == [admission("x", "c", 7)]


def test_who_has_most_makes_room_for_who_has_less() -> None:
    shelf = filled(3, *(admission("mac1", node, at) for node, at in [("a", 1), ("b", 3), ("c", 2)]))
    assert shelf.put(admission("mac2", "d"), ENTITLED) == [admission("mac1", "b", 3)]


def test_who_has_most_gets_no_more() -> None:
    shelf = filled(3, admission("mac1", "a"), admission("mac1", "b"), admission("mac2", "c"))
    assert shelf.put(admission("mac1", "d"), ENTITLED) is None
    assert shelf.put(admission("mac2", "d"), ENTITLED) is None
    assert len(shelf) == 3


def test_long_documents_count_for_what_they_are() -> None:
    long = read(revokes("mac1", "a", admitted=("b",) * 100), FLEET)
    assert 3 * WEIGHT < len(long.signed.text) < 4 * WEIGHT
    shelf = filled(4, long)
    assert shelf.put(admission("x", "c"), ENTITLED) is None


def test_where_no_room_can_be_made_nothing_is_lost() -> None:
    long = read(revokes("mac1", "a", admitted=("b",) * 100), FLEET)
    small = [admission("mac2", "c"), admission("x", "d")]
    shelf = filled(2, *small)
    assert shelf.put(long, ENTITLED) is None
    assert list(shelf) == small


def test_who_had_room_and_lost_it_has_none() -> None:
    shelf = filled(1, admission("x", "a"))
    shelf.put(read(leaves("mac1"), FLEET), ENTITLED)
    assert [document.by for document in shelf] == [key("mac1")]
    assert shelf.get(admission("x", "a").slot) is None


def test_of_one_key_the_newest_cards_are_kept_in_whatever_order_they_came() -> None:
    cards = [read(shows(f"mac{number}", number), FLEET) for number in range(3)]
    of_one = [read(from_card(sign_card(renamed(number), [], 9 - number, "1")), FLEET) for number in range(6)]
    for order in itertools.permutations(of_one):
        shelf = Shelf(100 * WEIGHT, 4)
        for document in (*cards, *order):
            shelf.put(document, ())
        assert {each.id for each in shelf} == {each.id for each in (*cards, *of_one[:4])}


def renamed(number: int) -> Identity:
    """mallory under one more name."""
    keys = identity("mallory")
    return Identity(f"m{number}", keys.ed25519, keys.x25519)


def test_of_one_captain_s_words_the_oldest_are_kept_in_whatever_order_they_come() -> None:
    said = [admission("mac1", f"n{number}", number + 1) for number in range(4)]
    for order in itertools.permutations(said):
        shelf = Shelf(100 * WEIGHT, 2, oldest=True)
        for document in order:
            shelf.put(document, ENTITLED)
        assert set(shelf) == {*said[:2]}
