"""What rides on packets: least sent first, each about 3·log2 N times, never more than there is room for."""

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core import packets
from multifleet.core.presence.gossip import DOCUMENTS_LIMIT, RUMORS_LIMIT, Document, Rumor
from multifleet.core.presence.rumors import KEPT, RumorQueue


def suspect(number: int) -> Rumor:
    return Rumor(word="suspect", about=f"machine-{number}", incarnation=1_700_000_000_000)


def test_a_rumor_rests_after_it_was_sent_often_enough() -> None:
    queue = RumorQueue()
    queue.add(suspect(1))
    assert sum(len(queue.take(900, 30)[0]) for _ in range(100)) == 15
    assert len(queue) == 0


def test_what_was_sent_least_goes_first() -> None:
    queue = RumorQueue()
    for number in range(RUMORS_LIMIT):
        queue.add(suspect(number))
    queue.take(900, 1_000)
    queue.add(suspect(99))
    assert queue.take(80, 1_000)[0] == [suspect(99)]


def test_a_newer_word_about_a_node_replaces_the_older_one() -> None:
    queue = RumorQueue()
    for incarnation in (1, 2):
        queue.add(Rumor(word="alive", about="mac1", incarnation=incarnation, signature="0" * 128))
    queue.add(Rumor(word="asleep", about="mac1", incarnation=3, signature="0" * 128))
    assert [rumor.incarnation for rumor in queue.take(900, 5)[0]] == [3]
    queue.add(suspect(1))
    queue.drop("machine-1")
    assert suspect(1) not in queue.take(900, 5)[0]


def test_a_flood_of_rumors_is_bounded() -> None:
    queue = RumorQueue()
    for number in range(10 * KEPT):
        queue.add(suspect(number))
    assert len(queue) == KEPT


@given(
    st.lists(st.integers(1, 63), max_size=20),
    st.lists(st.text(max_size=640), max_size=8),
    st.integers(0, 900),
)
def test_what_is_taken_fits(names: list[int], texts: list[str], room: int) -> None:
    queue = RumorQueue()
    for length in names:
        queue.add(Rumor(word="asleep", about="n" * length, incarnation=10**15, slept=10**9, signature="0" * 128))
    for number, text in enumerate(texts):
        queue.add(Document(text=text, signature=f"{number:0128x}"))
    rumors, documents = queue.take(room, 100)
    assert len(rumors) <= RUMORS_LIMIT and len(documents) <= DOCUMENTS_LIMIT
    assert sum(len(packets.write(item)) + 1 for item in [*rumors, *documents]) <= room
