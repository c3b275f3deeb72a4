"""What a captain decides takes effect, whatever the clocks say, and stands by whom it means to stand by."""

import pytest

from multifleet.core import issuing
from multifleet.core.documents import LAST_MOMENT, Admission, Leave, Revocation, Signed, read
from multifleet.core.issuing import make_admission, make_leave, make_revocation
from multifleet.core.roster import Roster
from multifleet.errors import BadInput, KeyChanged, NotCaptain
from tests.core.fleet import NOW, admits, identity, key, leaves, members, out, revokes, roster
from tests.core.wire import FLEET

BASE = [
    admits("mac1", "mac2"),
    admits("mac1", "mac3"),
    admits("mac2", "mac4"),
    admits("mac2", "mac5", role="worker"),
    admits("mac2", "mac3"),
]


def admission(signed: Signed) -> Admission:
    """What an admission says."""
    body = read(signed, FLEET).body
    assert isinstance(body, Admission)
    return body


def revocation(signed: Signed) -> Revocation:
    """What a revocation says."""
    body = read(signed, FLEET).body
    assert isinstance(body, Revocation)
    return body


def let_in(made: Roster, node: str, now: int = NOW) -> Signed:
    """mac1 lets a node in."""
    return make_admission(made, identity("mac1"), identity(node).node, key(node), now)


class TestAdmissions:
    def test_an_admission_lets_in_and_says_as_what(self) -> None:
        made = roster()
        signed = make_admission(made, identity("mac1"), "mac2", key("mac2"), NOW, role="worker", eligible=False)
        made.merge([signed])
        facts = made.view().members["mac2"]
        assert (facts.role, facts.eligible, facts.by, facts.at) == ("worker", False, key("mac1"), NOW)

    @pytest.mark.parametrize("left", [NOW - 1, NOW, NOW + 10_000])
    def test_who_left_is_let_in_again_though_its_clock_was_ahead(self, left: int) -> None:
        made = roster(admits("mac1", "mac2"), leaves("mac2", left))
        made.merge([let_in(made, "mac2")])
        assert members(made) == {"mac1", "mac2"}

    def test_a_later_admission_replaces_the_own_earlier_one_though_the_clock_was_set_back(self) -> None:
        made = roster(admits("mac1", "mac2", NOW + 5))
        signed = make_admission(made, identity("mac1"), "mac2", key("mac2"), NOW, eligible=False)
        made.merge([signed])
        assert made.view().members["mac2"].eligible is False

    def test_a_worker_is_told_where_it_can_be_done(self) -> None:
        made = roster(*BASE, me="mac5")
        with pytest.raises(NotCaptain, match="do it on mac1, "):
            make_admission(made, identity("mac5"), "mac9", key("mac9"), NOW)

    @pytest.mark.parametrize(
        "documents", [[revokes("mac1", "mac2")], [revokes("mac1", "mac2"), revokes("mac2", "mac1", 1, ("mac1",))]]
    )
    def test_a_revoked_key_is_not_let_in(self, documents: list[Signed]) -> None:
        with pytest.raises(BadInput, match="never comes back"):
            let_in(roster(admits("mac1", "mac2"), *documents), "mac2")

    def test_a_name_that_a_member_has_is_not_given_twice(self) -> None:
        with pytest.raises(KeyChanged, match="mac2"):
            let_in(roster(*BASE), "mac2.2")

    def test_an_orphan_is_let_in_again(self) -> None:
        made = roster(*BASE, revokes("mac1", "mac2"))
        assert out(made)["mac4"] == "orphaned"
        made.merge([let_in(made, "mac4")])
        assert "mac4" in members(made)


class TestLeaves:
    @pytest.mark.parametrize("admitted", [NOW - 1, NOW, NOW + 10_000, LAST_MOMENT])
    def test_a_leave_takes_out_though_the_admitters_clock_was_ahead(self, admitted: int) -> None:
        made = roster(admits("mac1", "mac2", admitted), me="mac2")
        signed = make_leave(made, identity("mac2"), NOW)
        assert isinstance(read(signed, FLEET).body, Leave)
        made.merge([signed])
        assert out(made) == {"mac2": "left"}

    def test_a_worker_may_leave(self) -> None:
        made = roster(*BASE, me="mac5")
        made.merge([make_leave(made, identity("mac5"), NOW)])
        assert out(made) == {"mac5": "left"}


class TestRevocations:
    def test_it_stands_by_everybody_whom_the_revoked_one_had_let_in(self) -> None:
        made = roster(*BASE)
        signed = make_revocation(made, identity("mac1"), key("mac2"), NOW, "stolen")
        assert sorted(revocation(signed[0]).admitted) == sorted(map(key, ["mac3", "mac4", "mac5"]))
        made.merge(signed)
        assert members(made) == {"mac1", "mac3", "mac4", "mac5"}
        gone = made.view().out[key("mac2")]
        assert (gone.how, gone.by, gone.reason, gone.at) == ("revoked", "mac1", "stolen", NOW)

    def test_who_is_to_be_left_out_goes_too(self) -> None:
        made = roster(*BASE)
        made.merge(make_revocation(made, identity("mac1"), key("mac2"), NOW, leave_out={key("mac4")}))
        assert out(made) == {"mac2": "revoked", "mac4": "orphaned"}

    def test_it_does_not_stand_by_those_that_are_out(self) -> None:
        made = roster(*BASE, leaves("mac4", 5), revokes("mac1", "mac5"))
        assert revocation(make_revocation(made, identity("mac1"), key("mac2"), NOW)[0]).admitted == [key("mac3")]

    def test_it_stands_by_what_the_revoked_one_had_revoked_but_for_the_signer(self) -> None:
        made = roster(*BASE, revokes("mac2", "mac4"), revokes("mac2", "mac3", 1, ("mac3",)), me="mac1")
        body = revocation(make_revocation(made, identity("mac1"), key("mac2"), NOW)[0])
        assert sorted(body.revoked) == sorted([key("mac3"), key("mac4")])
        made = roster(*BASE, revokes("mac2", "mac3"), revokes("mac3", "mac2"), me="mac3")
        assert revocation(make_revocation(made, identity("mac3"), key("mac2"), NOW)[0]).revoked == []

    def test_a_captain_that_a_thief_has_put_out_first_strikes_back(self) -> None:
        made = roster(*BASE, revokes("mac2", "mac1"), revokes("mac2", "mac4"))
        assert out(made)["mac1"] == "revoked"
        signed = make_revocation(made, identity("mac1"), key("mac2"), NOW)
        assert revocation(signed[0]).revoked == [key("mac4")]
        made.merge(signed)
        assert made.view().me_out is None
        assert out(made)["mac2"] == "revoked"

    def test_a_captain_that_has_left_revokes_nobody(self) -> None:
        made = roster(*BASE, leaves("mac1", 9))
        with pytest.raises(NotCaptain):
            make_revocation(made, identity("mac1"), key("mac2"), NOW)

    def test_it_names_the_roots_and_need_not_name_its_signer(self) -> None:
        made = roster(*BASE, me="mac4")
        signed = make_revocation(made, identity("mac4"), key("mac2"), NOW)
        assert sorted(revocation(signed[0]).admitted) == sorted(map(key, ["mac1", "mac3", "mac5"]))
        made.merge(signed)
        assert members(made) == {"mac1", "mac3", "mac4", "mac5"}

    @pytest.mark.parametrize("target", ["mac2", "mac3"])
    def test_it_settles_a_dispute_between_two_others(self, target: str) -> None:
        made = roster(*BASE, revokes("mac2", "mac3"), revokes("mac3", "mac2", 1, ("mac4", "mac5")))
        assert len(made.view().disputes) == 2
        made.merge(make_revocation(made, identity("mac1"), key(target), NOW))
        assert made.view().disputes == ()
        assert out(made) == {target: "revoked"}

    def test_nobody_revokes_himself(self) -> None:
        with pytest.raises(BadInput, match="leave"):
            make_revocation(roster(*BASE), identity("mac1"), key("mac1"), NOW)

    def test_a_worker_is_told_where_it_can_be_done(self) -> None:
        with pytest.raises(NotCaptain, match="do it on mac1, "):
            make_revocation(roster(*BASE, me="mac5"), identity("mac5"), key("mac2"), NOW)

    def test_where_no_captain_is_left_that_is_said(self) -> None:
        made = roster(*BASE, leaves("mac1", 9), leaves("mac2", 9), leaves("mac3", 9), leaves("mac4", 9), me="mac5")
        with pytest.raises(NotCaptain, match="no captain"):
            make_revocation(made, identity("mac5"), key("mac2"), NOW)

    def test_a_key_of_which_nothing_is_known_is_called_so_and_put_out_where_it_is_known(self) -> None:
        signed = make_revocation(roster(*BASE), identity("mac1"), key("mac9"), NOW)
        assert revocation(signed[0]).node == "unknown"
        assert "mac9" not in members(roster(*BASE, admits("mac2", "mac9"), *signed))

    def test_a_key_that_is_out_is_revoked_as_well(self) -> None:
        made = roster(*BASE, leaves("mac4", 5))
        made.merge(make_revocation(made, identity("mac1"), key("mac4"), NOW))
        assert out(made)["mac4"] == "revoked"

    def test_a_second_one_replaces_the_first_though_the_clock_was_set_back(self) -> None:
        made = roster(*BASE, revokes("mac1", "mac2", NOW + 5))
        made.merge([let_in(made, "mac4")])
        made.merge(make_revocation(made, identity("mac1"), key("mac2"), NOW))
        assert [each.at for each in made.held("revocation", key("mac2"))] == [NOW + 6]
        assert "mac4" in members(made)

    def test_a_long_reason_is_cut(self) -> None:
        made = roster(*BASE)
        assert len(revocation(make_revocation(made, identity("mac1"), key("mac2"), NOW, "x" * 300)[0]).reason) == 200

    def test_those_for_whom_there_is_no_room_are_let_in_by_the_signer_itself(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(issuing, "NAMES_LIMIT", 1)
        made = roster(*BASE)
        signed = make_revocation(made, identity("mac1"), key("mac2"), NOW)
        assert len(revocation(signed[-1]).admitted) == 1
        assert {admission(each).by for each in signed[:-1]} == {key("mac1")}
        before = made.view().members
        made.merge(signed)
        assert members(made) == {"mac1", "mac3", "mac4", "mac5"}
        for node, facts in made.view().members.items():
            assert (facts.role, facts.eligible) == (before[node].role, before[node].eligible)

    def test_more_revocations_than_one_can_name_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(issuing, "NAMES_LIMIT", 1)
        made = roster(*BASE, revokes("mac2", "mac4"), revokes("mac2", "mac5"))
        with pytest.raises(BadInput, match="more than 1 machines"):
            make_revocation(made, identity("mac1"), key("mac2"), NOW)

    def test_as_many_names_as_there_is_room_for_fit_into_a_document(self) -> None:
        names = ("mac3",) * issuing.NAMES_LIMIT
        assert read(revokes("mac1", "mac2", NOW, names, reason="\n" * 200), FLEET).kind == "revocation"


def test_a_captain_is_told_when_the_others_would_not_keep_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multifleet.core.issuing.WORDS_OF_ONE", 1)
    made = roster(admits("mac1", "mac2"))
    with pytest.raises(BadInput, match="cannot let more machines in: do it on another captain"):
        make_admission(made, identity("mac1"), "mac3", key("mac3"), NOW)
    make_admission(made, identity("mac1"), "mac2", key("mac2"), NOW)  # the same one again takes no room
