"""A roster means the same in whatever order its documents came."""

from tests.core.fleet import admits, members, out, revokes, roster, shows


def test_who_was_let_in_by_a_captain_is_a_member() -> None:
    made = roster(admits("mac1", "mac2"), admits("mac2", "mac3", role="worker"), shows("mac2"))
    assert members(made) == {"mac1", "mac2", "mac3"}
    card = made.view().members["mac2"].card
    assert card and card.node == "mac2"


def test_who_was_revoked_is_out() -> None:
    made = roster(admits("mac1", "mac2"), admits("mac2", "mac3"), revokes("mac1", "mac2"))
    assert members(made) == {"mac1"}
    assert out(made) == {"mac2": "revoked", "mac3": "orphaned"}
