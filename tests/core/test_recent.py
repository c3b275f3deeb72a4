"""What was used last is kept, and no more."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.recent import Recent, surplus


def test_the_least_recently_used_makes_room() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert list(recent) == ["a", "c"] and recent.get("b") is None


def test_to_set_it_anew_is_a_use_and_takes_no_room() -> None:
    recent: Recent[str, int] = Recent(2)
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        recent.put(key, value)
    assert (recent.get("a"), recent.get("b"), len(recent)) == (3, None, 2)


def test_whoever_holds_most_makes_room() -> None:
    recent: Recent[str, int] = Recent(3, owner=lambda key: key[0])
    for key in ("b1", "a1", "a2", "a3", "a4"):
        recent.put(key, 0)
    assert list(recent) == ["b1", "a3", "a4"]
    recent.put("c1", 0)
    assert list(recent) == ["b1", "a4", "c1"]
    recent.put("a5", 0)
    assert list(recent) == ["b1", "c1", "a5"], "the newest is never the one that goes"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers()), unique=True), st.integers(1, 9))
def test_nobody_loses_what_is_within_an_equal_share(keys: list[tuple[str, int]], most: int) -> None:
    gone = surplus(keys, most, lambda key: key[0])
    kept = [key for key in keys if key not in gone]
    assert len(kept) == min(most, len(keys)) and len(kept) + len(gone) == len(keys)
    had, has = Counter(owner for owner, _ in keys), Counter(owner for owner, _ in kept)
    for owner, count in had.items():
        assert has[owner] >= min(count, most // len(had))
    if gone:
        assert keys[-1] in kept
