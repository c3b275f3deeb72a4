"""What was used last is kept, and no more."""

from multifleet.core.recent import Recent


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
