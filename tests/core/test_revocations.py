"""Who is out when captains put each other out: what follows from the documents, and what only a person can say."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from multifleet.core.documents import Signed
from multifleet.core.revocations import ROUNDS, Claim, Grant, _Chains, judge
from tests.core.fleet import admits, key, leaves, members, out, revokes, roster

# mac1 has founded the fleet and let in three captains and a worker; mac2 has let in mac5 and mac6, and mac5 mac7.
BASE = [
    admits("mac1", "mac2"),
    admits("mac1", "mac3"),
    admits("mac1", "mac4"),
    admits("mac1", "worker", role="worker"),
    admits("mac2", "mac5"),
    admits("mac2", "mac6"),
    admits("mac5", "mac7", role="worker"),
]
EVERYBODY = {"mac1", "mac2", "mac3", "mac4", "mac5", "mac6", "mac7", "worker"}
STAND_BY_ALL = ("mac5", "mac6")


def fleet(*documents: Signed, me: str = "worker") -> tuple[set[str], dict[str, str]]:
    """The members, and how the others are out, as somebody sees it who has revoked nobody."""
    made = roster(*BASE, *documents, me=me)
    return members(made), out(made)


@pytest.mark.parametrize("by", ["mac1", "mac3", "mac5"])
def test_any_captain_puts_any_machine_out_also_the_founder_and_its_own_admitter(by: str) -> None:
    for target in {"mac1", "mac2", "mac4", "worker"} - {by}:
        there, gone = fleet(revokes(by, target, 1, ("mac2", "mac3", "mac4", "mac5", "mac6", "worker")))
        assert there == EVERYBODY - {target}
        assert gone == {target: "revoked"}


def test_whoever_puts_its_admitter_out_stays_also_if_it_does_not_name_itself() -> None:
    there, gone = fleet(revokes("mac5", "mac2"))
    assert there == EVERYBODY - {"mac2", "mac6"}
    assert gone == {"mac2": "revoked", "mac6": "orphaned"}


@pytest.mark.parametrize(
    ("stands_by", "orphans"),
    [
        (("mac5", "mac6"), set()),
        (("mac5",), {"mac6"}),
        (("mac6",), {"mac5", "mac7"}),
        ((), {"mac5", "mac6", "mac7"}),
        (("mac7",), {"mac5", "mac6", "mac7"}),
    ],
)
def test_whom_the_revoked_one_let_in_goes_too_unless_it_is_named(stands_by: tuple[str, ...], orphans: set[str]) -> None:
    there, gone = fleet(revokes("mac1", "mac2", 1, stands_by))
    assert there == EVERYBODY - {"mac2"} - orphans
    assert gone == {"mac2": "revoked"} | dict.fromkeys(orphans, "orphaned")


def test_an_orphan_is_told_through_whom_it_had_come_in() -> None:
    view = roster(*BASE, revokes("mac1", "mac2", 1, ("mac6",))).view()
    assert view.out[key("mac5")].reason == "let in by mac2, which was revoked"
    assert view.out[key("mac7")].reason == "let in through mac2, which was revoked"
    assert (view.out[key("mac7")].by, view.out[key("mac7")].by_key) == ("mac2", key("mac2"))
    assert view.out[key("mac2")].admitted == (key("mac6"),)


def test_an_orphan_that_another_captain_lets_in_is_back_with_those_that_it_had_let_in() -> None:
    assert fleet(revokes("mac1", "mac2", 1, ("mac6",)), admits("mac3", "mac5"))[0] == EVERYBODY - {"mac2"}


def test_of_two_revocations_of_one_key_both_have_to_stand_by_somebody() -> None:
    gone = fleet(revokes("mac1", "mac2", 1, ("mac5", "mac6")), revokes("mac3", "mac2", 1, ("mac6",)))[1]
    assert gone == {"mac2": "revoked", "mac5": "orphaned", "mac7": "orphaned"}


def test_what_the_revoked_one_lets_in_afterwards_does_not_count_however_it_is_dated() -> None:
    there, _ = fleet(revokes("mac1", "mac2", 100, STAND_BY_ALL), admits("mac2", "mac8", 1), admits("mac2", "mac9", 200))
    assert there == EVERYBODY - {"mac2"}


@pytest.mark.parametrize("later", [admits("mac1", "mac2", 999), admits("mac4", "mac2", 999), leaves("mac2", 999)])
def test_a_revoked_key_never_comes_back(later: Signed) -> None:
    assert fleet(revokes("mac1", "mac2", 1, STAND_BY_ALL), later)[1] == {"mac2": "revoked"}


def test_the_machine_comes_back_with_another_key() -> None:
    made = roster(*BASE, revokes("mac1", "mac2", 1, STAND_BY_ALL), admits("mac1", "mac2.2", 9))
    assert members(made) == EVERYBODY
    assert made.view().members["mac2"].key == key("mac2.2")


def test_a_revocation_of_a_key_that_nobody_knows_waits_for_it() -> None:
    made = roster(*BASE, revokes("mac1", "mac8", 1, reason="lost"))
    assert made.view().out[key("mac8")].node == "mac8"
    made.merge([admits("mac2", "mac8", 9)])
    assert out(made) == {"mac8": "revoked"}


def test_of_several_revocations_the_first_is_shown() -> None:
    said = [revokes(by, "worker", at, reason=by) for by, at in [("mac3", 8), ("mac1", 5), ("mac4", 9)]]
    gone = roster(*BASE, *said).view().out[key("worker")]
    assert (gone.by, gone.reason, gone.at) == ("mac1", "mac1", 5)


class TestWhatTheRevokedHadRevoked:
    def test_it_is_void_unless_it_is_named(self) -> None:
        assert fleet(revokes("mac2", "mac3"), revokes("mac1", "mac2", 1, STAND_BY_ALL))[1] == {"mac2": "revoked"}

    def test_it_stands_if_it_is_named(self) -> None:
        gone = fleet(revokes("mac2", "mac3"), revokes("mac1", "mac2", 1, STAND_BY_ALL, ("mac3",)))[1]
        assert gone == {"mac2": "revoked", "mac3": "revoked"}

    def test_all_that_revoke_it_have_to_stand_by_it(self) -> None:
        gone = fleet(
            revokes("mac2", "mac3"),
            revokes("mac1", "mac2", 1, STAND_BY_ALL, ("mac3",)),
            revokes("mac4", "mac2", 1, STAND_BY_ALL),
        )[1]
        assert gone == {"mac2": "revoked"}

    def test_what_is_void_defeats_nothing(self) -> None:
        # mac1 puts mac2 out, whose word against mac3 is void, so that mac3's word against mac4 counts.
        gone = fleet(revokes("mac1", "mac2", 1, STAND_BY_ALL), revokes("mac2", "mac3"), revokes("mac3", "mac4"))[1]
        assert gone == {"mac2": "revoked", "mac4": "revoked"}

    def test_orphans_have_nothing_to_say(self) -> None:
        gone = fleet(revokes("mac1", "mac2", 1, ("mac6",)), revokes("mac5", "mac3"), revokes("mac5", "mac4"))[1]
        assert gone == {"mac2": "revoked", "mac5": "orphaned", "mac7": "orphaned"}


class TestDisputes:
    MUTUAL = (
        revokes("mac2", "mac3", 5, reason="stolen"),
        revokes("mac3", "mac2", 6, STAND_BY_ALL, reason="no, yours"),
    )

    def test_two_that_put_each_other_out_both_are_out_and_shown(self) -> None:
        there, gone = fleet(*self.MUTUAL)
        assert there == EVERYBODY - {"mac2", "mac3"}
        assert gone == {"mac2": "disputed", "mac3": "disputed"}
        view = roster(*BASE, *self.MUTUAL).view()
        assert view.accepted == frozenset() and view.retired
        assert [(dispute.by, dispute.node, dispute.reason) for dispute in view.disputes] == [
            ("mac2", "mac3", "stolen"),
            ("mac3", "mac2", "no, yours"),
        ]
        assert not view.is_captain(key("mac2")) and not view.is_captain(key("mac3"))

    def test_it_does_not_matter_who_says_that_it_was_first(self) -> None:
        for first, second in itertools.permutations([1, 100]):
            documents = [revokes("mac2", "mac3", first), revokes("mac3", "mac2", second, STAND_BY_ALL)]
            assert fleet(*documents)[1] == {"mac2": "disputed", "mac3": "disputed"}

    @pytest.mark.parametrize("target", ["mac2", "mac3"])
    def test_a_third_captain_settles_it(self, target: str) -> None:
        view = roster(*BASE, *self.MUTUAL, revokes("mac4", target, 9, STAND_BY_ALL)).view()
        other = {"mac2": "mac3", "mac3": "mac2"}[target]
        assert view.out[key(target)].how == "revoked"
        assert other in view.members
        assert view.disputes == ()

    def test_whom_a_disputed_one_let_in_is_out_as_well_where_the_other_does_not_stand_by_it(self) -> None:
        gone = fleet(revokes("mac2", "mac3"), revokes("mac3", "mac2"))[1]
        assert gone == {"mac2": "disputed", "mac3": "disputed"} | dict.fromkeys(("mac5", "mac6", "mac7"), "orphaned")

    def test_three_in_a_circle_are_all_out(self) -> None:
        documents = [revokes("mac2", "mac3", 1), revokes("mac3", "mac4", 1), revokes("mac4", "mac2", 1, STAND_BY_ALL)]
        assert fleet(*documents)[1] == dict.fromkeys(("mac2", "mac3", "mac4"), "disputed")

    def test_a_machine_that_a_thief_let_in_does_not_win_against_who_put_the_thief_out(self) -> None:
        # mac5 came in through mac2, and strikes back at mac1: whichever was right, none of them stays by itself.
        strife = (revokes("mac1", "mac2", 1, ("mac6",)), revokes("mac5", "mac1", 1, ("mac2", "mac3", "mac4", "worker")))
        there, gone = fleet(*strife)
        assert gone["mac1"] == gone["mac2"] == "disputed"
        assert gone["mac5"] == "orphaned"
        assert there == {"mac3", "mac4", "mac6", "worker"}
        gone = fleet(*strife, revokes("mac3", "mac2", 1, ("mac6",)))[1]
        assert gone == {"mac2": "revoked", "mac5": "orphaned", "mac7": "orphaned"}

    def test_accepted_beats_disputed_where_both_speak_of_one_key(self) -> None:
        view = roster(*BASE, *self.MUTUAL, revokes("mac4", "mac2", 9, STAND_BY_ALL, ("mac3",), reason="both")).view()
        assert view.out[key("mac2")].how == "revoked"
        assert (view.out[key("mac2")].by, view.out[key("mac2")].reason) == ("mac4", "both")


class TestOwnRevocations:
    def test_what_a_captain_has_decided_is_beyond_dispute_on_its_own_machine(self) -> None:
        documents = [revokes("mac2", "mac3", 5), revokes("mac3", "mac2", 6, STAND_BY_ALL)]
        assert fleet(*documents, me="mac2")[1] == {"mac3": "revoked"}
        assert fleet(*documents, me="mac3")[1] == {"mac2": "revoked"}
        assert fleet(*documents, me="mac4")[1] == {"mac2": "disputed", "mac3": "disputed"}

    def test_a_thief_that_puts_everybody_out_is_out_where_somebody_put_it_out(self) -> None:
        against_all = [revokes("mac2", node) for node in ("mac1", "mac3", "mac4")]
        documents = [*against_all, *(revokes(node, "mac2", 9, STAND_BY_ALL) for node in ("mac1", "mac3", "mac4"))]
        for me in ("mac1", "mac3", "mac4"):
            assert fleet(*documents, me=me) == (EVERYBODY - {"mac2"}, {"mac2": "revoked"})

    def test_what_a_person_has_settled_is_beyond_dispute_on_that_machine(self) -> None:
        # A captain gone bad strikes at the founder, stands by nobody, and so puts everybody else's word in doubt.
        made = roster(*BASE, revokes("mac3", "mac1"), revokes("mac1", "mac3"), revokes("mac4", "mac3"), me="worker")
        assert members(made) == set()
        made.settle(dispute.id for dispute in made.view().disputes if dispute.by == "mac1")
        assert members(made) == EVERYBODY - {"mac3"}
        assert made.view().disputes == ()
        assert {dispute.by for dispute in made.disputes()} >= {"mac1", "mac3"}, "as others see it"

    def test_what_a_stranger_said_cannot_be_settled(self) -> None:
        made = roster(*BASE, revokes("worker", "mac1"))
        made.settle(document.id for document in made.held("revocation", key("mac1")))
        assert members(made) == EVERYBODY

    def test_a_worker_has_no_such_word(self) -> None:
        assert fleet(revokes("worker", "mac3"), me="worker") == (EVERYBODY, {})

    def test_it_binds_nobody_who_let_it_in_through_a_chain_that_is_cut(self) -> None:
        documents = [revokes("mac1", "mac2", 1, ("mac6",)), revokes("mac5", "mac3")]
        assert fleet(*documents, me="mac5")[1]["mac3"] == "revoked"
        assert "mac3" in fleet(*documents, me="mac4")[0]


def test_the_shared_key_is_retired_by_the_first_revocation_that_stands() -> None:
    assert not roster(*BASE).view().retired
    assert roster(*BASE, revokes("mac1", "mac2")).view().retired
    assert not roster(*BASE, revokes("worker", "mac2")).view().retired


@pytest.mark.parametrize("length", [2, 3, 7, 8])
def test_in_a_chain_every_second_word_counts(length: int) -> None:
    captains = [admits("mac1", f"c{number}") for number in range(length + 1)]
    made = roster(*captains, *(revokes(f"c{number}", f"c{number + 1}") for number in range(length)))
    assert out(made) == {f"c{number}": "revoked" for number in range(1, length + 1, 2)}


def test_a_chain_beyond_all_reason_ends_as_a_dispute_and_lets_nobody_in() -> None:
    length = 2 * ROUNDS + 20
    captains = [admits("mac1", f"c{number}") for number in range(length + 1)]
    made = roster(*captains, *(revokes(f"c{number}", f"c{number + 1}") for number in range(length)))
    gone = out(made)
    assert [gone.get(f"c{number}") for number in (1, 3, 2 * ROUNDS - 1)] == ["revoked"] * 3
    assert {gone[f"c{number}"] for number in range(2 * ROUNDS + 4, length)} == {"disputed"}
    assert made.view().is_captain(key("c0"))


def test_the_order_in_which_documents_came_does_not_matter() -> None:
    documents = [
        admits("mac1", "mac2"),
        admits("mac2", "mac3"),
        revokes("mac2", "mac3", 1),
        revokes("mac3", "mac2", 1),
        revokes("mac1", "mac3", 1),
    ]
    views = []
    for order in itertools.permutations(documents):
        made = roster(me="worker")
        for document in order:
            made.merge([document])
            made.view()
        views.append(made.view())
    assert all(view == views[0] for view in views)
    assert set(views[0].members) == {"mac1", "mac2"}


def test_a_captain_gone_bad_makes_nobody_look_often_at_what_it_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = _Chains._reach
    calls: list[int] = []

    def counted(chains: _Chains, revocations: Sequence[Claim], known: frozenset[str]) -> Any:
        calls.append(1)
        return reached(chains, revocations, known)

    monkeypatch.setattr(_Chains, "_reach", counted)
    names = [f"{number:064x}" for number in range(200)]
    grants = [Grant(name, "", name, captain=True, eligible=True, at=1, id=name) for name in names]
    claims = [Claim(by, name, by, frozenset(), frozenset()) for by, name in itertools.pairwise(names)]
    judge(grants, claims, "")
    assert len(calls) <= 2 * ROUNDS + 3
