"""Random bytes are given out once."""

from multifleet.node.randomness import PAGE, Randomness


def test_no_bytes_are_given_out_twice() -> None:
    random = Randomness()
    taken = [random.take(16) for _ in range(3 * PAGE // 16 + 7)]
    assert len(set(taken)) == len(taken)
    assert {len(one) for one in taken} == {16}


def test_pieces_of_any_size_are_whole() -> None:
    random = Randomness()
    for count in (1, 10, PAGE, PAGE - 1, 16, 0):
        assert len(random.take(count)) == count
