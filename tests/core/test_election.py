"""The chief is the configured one, else the most senior that may be and is there."""

import pytest

from multifleet.core.election import chief
from multifleet.core.roster import Anchor
from tests.core.fleet import admits, key, leaves, revokes, roster

FLEET = roster(
    admits("mac1", "late", 30),
    admits("mac1", "early", 10),
    admits("mac1", "unfit", 5, eligible=False),
    admits("mac1", "worker", 20, role="worker"),
    admits("mac1", "gone", 1),
    leaves("gone", 2),
    admits("mac1", "stolen", 1),
    revokes("mac1", "stolen"),
).view()


@pytest.mark.parametrize(
    ("alive", "configured", "elected"),
    [
        ({"mac1", "early", "late"}, "", "mac1"),
        ({"early", "late", "worker"}, "", "early"),
        ({"late", "worker"}, "", "worker"),
        ({"late", "unfit", "gone", "stolen"}, "", "late"),
        ({"unfit", "gone", "stolen", "stranger"}, "", None),
        (set(), "", None),
        ({"mac1", "early"}, "late", "late"),
        ({"mac1", "early"}, "unfit", "unfit"),
        ({"mac1", "stolen"}, "stolen", None),
        ({"mac1", "stranger"}, "stranger", None),
    ],
)
def test_the_chief(alive: set[str], configured: str, elected: str | None) -> None:
    assert chief(FLEET, alive, configured) == elected


def test_nodes_that_see_the_same_elect_the_same() -> None:
    documents = [admits("mac1", "mac2", 7), admits("mac1", "mac3", 7)]
    founder = roster(*documents).view()
    anchors = founder.anchors()
    joined = roster(*reversed(documents), me="mac3")
    joined.set_anchors(anchors)
    for alive in ({"mac1", "mac2", "mac3"}, {"mac2", "mac3"}, {"mac3"}):
        assert chief(founder, alive) == chief(joined.view(), alive)


def test_among_founders_the_key_decides() -> None:
    made = roster(founders=("mac1", "mac2"))
    assert chief(made.view(), {"mac1", "mac2"}) == min(("mac1", "mac2"), key=key)


def test_seniority_is_counted_from_the_first_word_and_not_from_a_later_one() -> None:
    made = roster(admits("mac1", "mac2", 5), admits("mac3", "mac2", 50), admits("mac1", "mac3", 10))
    made.set_anchors({key("mac1"): Anchor("mac1", eligible=False)})
    assert chief(made.view(), {"mac2", "mac3"}) == "mac2"
