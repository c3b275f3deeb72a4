"""Who is a member follows from the documents, whatever else was tried."""

import itertools
from dataclasses import replace

import pytest

from multifleet.core.card import sign_card
from multifleet.core.documents import Signed, from_card
from multifleet.core.keys import Identity
from multifleet.core.roster import Anchor, Roster, by_seniority
from tests.core.fleet import admits, identity, key, leaves, members, out, revokes, roster, shows
from tests.core.wire import FLEET


def test_a_founder_is_alone_at_first() -> None:
    facts = roster().view().members["mac1"]
    assert (facts.key, facts.role, facts.by, facts.at, facts.card) == (key("mac1"), "captain", "", 0, None)


def test_captains_let_in_members_who_let_in_members() -> None:
    made = roster(admits("mac1", "mac2", 5), admits("mac2", "mac3", 7, role="worker", eligible=False))
    facts = made.view().members["mac3"]
    assert (facts.role, facts.eligible, facts.by, facts.at) == ("worker", False, key("mac2"), 7)
    assert made.view().is_captain(key("mac2")) and not made.view().is_captain(key("mac3"))
    assert made.view().captains() == ["mac1", "mac2"]


@pytest.mark.parametrize("by", ["mac2", "stranger"])
def test_workers_and_strangers_let_nobody_in(by: str) -> None:
    made = roster(admits("mac1", "mac2", role="worker"), admits(by, "mac3"), admits("mac3", "mac4"))
    assert members(made) == {"mac1", "mac2"}
    assert out(made) == {}


@pytest.mark.parametrize("by", ["mac2", "stranger"])
def test_workers_and_strangers_put_nobody_out(by: str) -> None:
    made = roster(admits("mac1", "mac2", role="worker"), revokes(by, "mac1"))
    assert members(made) == {"mac1", "mac2"}
    assert not made.view().retired and made.view().disputes == ()


def test_a_circle_of_strangers_that_let_each_other_in_stays_outside() -> None:
    assert members(roster(admits("x", "y"), admits("y", "x"), admits("y", "z"))) == {"mac1"}


def test_documents_of_a_signer_who_becomes_known_later_count_then() -> None:
    made = roster(admits("mac3", "mac4"), admits("mac2", "mac3"), revokes("mac4", "mac3", admitted=("mac4",)))
    assert members(made) == {"mac1"}
    made.merge([admits("mac1", "mac2")])
    assert members(made) == {"mac1", "mac2", "mac4"}
    assert out(made) == {"mac3": "revoked"}


def test_a_worker_becomes_a_captain_by_a_later_word_and_stays_one() -> None:
    made = roster(admits("mac1", "mac2", 1, role="worker"), admits("mac2", "mac3"))
    assert members(made) == {"mac1", "mac2"}
    made.merge([admits("mac1", "mac2", 2)])
    assert members(made) == {"mac1", "mac2", "mac3"}
    made.merge([admits("mac1", "mac2", 3, role="worker", eligible=False)])
    assert members(made) == {"mac1", "mac2", "mac3"}
    facts = made.view().members["mac2"]
    assert (facts.role, facts.eligible) == ("captain", False)


@pytest.mark.parametrize("role", ["captain", "worker"])
def test_whether_a_member_is_eligible_is_said_by_the_newest_word(role: str) -> None:
    made = roster(
        admits("mac1", "mac2", 5),
        admits("mac2", "mac3", 9, role=role, eligible=False),
        admits("mac1", "mac3", 8, eligible=True),
        admits("stranger", "mac3", 10, eligible=True),
    )
    assert made.view().members["mac3"].eligible is False


@pytest.mark.parametrize(("left", "again", "there"), [(5, 0, False), (5, 4, False), (5, 5, False), (5, 6, True)])
def test_who_leaves_is_out_until_a_later_word_lets_it_in_again(left: int, again: int, there: bool) -> None:
    made = roster(admits("mac1", "mac2", 1), leaves("mac2", left), *([admits("mac1", "mac2", again)] if again else []))
    assert ("mac2" in members(made)) is there
    assert out(made) == ({} if there else {"mac2": "left"})


def test_another_captains_later_word_lets_in_again_who_has_left() -> None:
    documents = [admits("mac1", "mac2", 1), admits("mac1", "mac3", 1), leaves("mac3", 5)]
    assert members(roster(*documents, admits("mac2", "mac3", 5))) == {"mac1", "mac2"}
    assert members(roster(*documents, admits("mac2", "mac3", 6))) == {"mac1", "mac2", "mac3"}


def test_a_leave_from_before_the_admission_means_nothing() -> None:
    assert members(roster(leaves("mac2", 4), admits("mac1", "mac2", 5))) == {"mac1", "mac2"}


def test_whom_a_captain_let_in_stays_when_the_captain_leaves() -> None:
    made = roster(admits("mac1", "mac2"), admits("mac2", "mac3"), leaves("mac2", 5))
    assert members(made) == {"mac1", "mac3"}
    assert made.view().out[key("mac2")].admitted == (key("mac3"),)


def test_a_founder_leaves_like_everybody_else() -> None:
    made = roster(admits("mac1", "mac2"), leaves("mac1"), me="mac2")
    assert members(made) == {"mac2"}
    assert out(made) == {"mac1": "left"}


def test_a_node_that_is_out_knows_it() -> None:
    made = roster(admits("mac1", "mac2"), revokes("mac1", "mac2", 5, reason="stolen"), me="mac2")
    gone = made.view().me_out
    assert gone and (gone.node, gone.how, gone.by, gone.by_key) == ("mac2", "revoked", "mac1", key("mac1"))
    assert (gone.at, gone.reason) == (5, "stolen")
    assert roster(admits("mac1", "mac2"), me="mac2").view().me_out is None


class TestNames:
    @pytest.mark.parametrize(("first", "second"), [("laptop", "laptop.2"), ("laptop.2", "laptop")])
    def test_of_two_keys_with_one_name_the_first_keeps_it(self, first: str, second: str) -> None:
        made = roster(admits("mac1", first, 5), admits("mac1", second, 6))
        assert made.view().members["laptop"].key == key(first)
        assert made.view().out[key(second)].how == "name-taken"
        assert made.view().out[key(second)].by_key == key(first)

    def test_at_one_moment_the_key_decides(self) -> None:
        made = roster(admits("mac1", "laptop", 5), admits("mac1", "laptop.2", 5))
        assert made.view().members["laptop"].key == min(key("laptop"), key("laptop.2"))

    @pytest.mark.parametrize("gone", [leaves("laptop", 9), revokes("mac1", "laptop")])
    def test_a_name_is_free_when_its_holder_is_out(self, gone: Signed) -> None:
        made = roster(admits("mac1", "laptop", 5), admits("mac1", "laptop.2", 6), gone)
        assert made.view().members["laptop"].key == key("laptop.2")

    def test_no_captain_takes_a_founders_name_by_dating_back(self) -> None:
        made = roster(admits("mac1", "mac2"), admits("mac2", "mac1.2", 0))
        assert made.view().members["mac1"].key == key("mac1")

    @pytest.mark.parametrize("at", [0, 5, 6])
    def test_no_captain_takes_a_name_from_whom_was_let_in_before_it(self, at: int) -> None:
        documents = [admits("mac1", "mac2", 5), admits("mac1", "bad", 6), admits("bad", "mac2.thief", at)]
        for order in itertools.permutations(documents):
            view = roster(*order).view()
            assert view.members["mac2"].key == key("mac2")
            assert (view.out[key("mac2.thief")].how, view.out[key("mac2.thief")].at) == ("name-taken", 6)

    def test_nor_by_a_chain_of_its_own(self) -> None:
        chain = [admits("bad", "x1", 0), admits("x1", "x2", 0), admits("x2", "mac2.thief", 0)]
        made = roster(admits("mac1", "mac2", 5), admits("mac1", "bad", 6), *chain)
        assert made.view().members["mac2"].key == key("mac2")
        assert {made.view().members[name].at for name in ("bad", "x1", "x2")} == {6}

    def test_what_one_lets_in_as_a_worker_before_it_is_a_captain_counts_from_then(self) -> None:
        late = [admits("mac1", "bad", 2, role="worker"), admits("mac1", "bad", 7), admits("bad", "mac3", 3)]
        made = roster(*late)
        assert (made.view().members["bad"].at, made.view().members["mac3"].at) == (2, 7)

    def test_a_pinned_key_keeps_its_name_as_long_as_it_stands(self) -> None:
        documents = [admits("mac1", "laptop", 9), admits("mac1", "laptop.2", 5)]
        made = roster(*documents)
        made.pin({"laptop": key("laptop")})
        assert made.view().members["laptop"].key == key("laptop")
        assert made.view().out[key("laptop.2")].how == "name-taken"
        made.merge([revokes("mac1", "laptop")])
        assert made.view().members["laptop"].key == key("laptop.2")

    def test_no_captain_renames_a_root_by_dating_back(self) -> None:
        made = roster(admits("mac1", "mac2", 1, node="zebra"))
        made.set_anchors({key("mac1"): Anchor("mac1"), key("mac2"): Anchor("mac2", at=9)})
        assert members(made) == {"mac1", "mac2"}

    def test_no_captain_renames_a_node_that_says_another_name_of_itself(self) -> None:
        documents = [admits("mac1", "mac2"), admits("mac1", "mac3", 5), admits("mac2", "mac3", 1, node="zebra")]
        assert "zebra" in members(roster(*documents))
        assert members(roster(*documents, shows("mac3"))) == {"mac1", "mac2", "mac3"}


class TestCards:
    def test_the_newest_card_counts(self) -> None:
        made = roster(admits("mac1", "mac2"), shows("mac2", 5), shows("mac2", 7), shows("mac2", 6))
        facts = made.view().members["mac2"]
        assert facts.card and facts.card.issued == 7
        assert facts.signed_card == shows("mac2", 7)

    def test_a_newer_card_with_another_name_does_not_count(self) -> None:
        other = shows_as("mac2", "mac9", issued=9)
        made = roster(admits("mac1", "mac2"), shows("mac2", 5), other)
        facts = made.view().members["mac2"]
        assert facts.card and facts.card.issued == 5
        assert "mac9" not in members(made)

    def test_a_newer_card_of_the_name_under_another_key_does_not_count(self) -> None:
        made = roster(admits("mac1", "laptop"), shows("laptop", 5), shows("laptop.2", 9))
        facts = made.view().members["laptop"]
        assert facts.card and facts.card.ed25519 == key("laptop")

    def test_a_card_lets_nobody_in(self) -> None:
        assert members(roster(shows("mac2"))) == {"mac1"}


class TestAnchors:
    def test_whoever_is_let_in_is_told_of_all_members_and_sees_the_same(self) -> None:
        documents = [admits("mac1", "mac2", 5), admits("mac2", "mac3", 6, role="worker"), leaves("mac2", 9)]
        there = roster(*documents)
        joined = Roster(FLEET, key("mac3"), there.view().anchors())
        assert joined.view().members == there.view().members
        joined.merge(documents)
        assert joined.view() == there.view()

    def test_what_one_was_told_ends_with_who_had_let_it_in(self) -> None:
        anchors = roster(admits("mac1", "mac2"), admits("mac2", "mac3"), admits("mac3", "mac4")).view().anchors()
        joined = Roster(FLEET, key("mac9"), anchors)
        joined.merge([revokes("mac1", "mac2")])
        assert members(joined) == {"mac1"}
        assert out(joined) == {"mac2": "revoked", "mac3": "orphaned", "mac4": "orphaned"}

    def test_what_one_was_told_stands_if_the_revocation_stands_by_it(self) -> None:
        anchors = roster(admits("mac1", "mac2"), admits("mac2", "mac3")).view().anchors()
        joined = Roster(FLEET, key("mac9"), anchors)
        joined.merge([revokes("mac1", "mac2", admitted=("mac3",))])
        assert members(joined) == {"mac1", "mac3"}

    def test_a_member_whose_admitter_is_not_known_yet_is_believed_in(self) -> None:
        joined = Roster(FLEET, key("mac9"), {key("mac3"): Anchor("mac3", by=key("mac2"), at=4)})
        assert members(joined) == {"mac3"}

    def test_no_document_takes_a_root_away_but_a_revocation_of_its_key(self) -> None:
        documents = [admits("mac1", "mac2"), admits("mac2", "mac1"), revokes("mac3", "mac2"), admits("mac1", "mac3")]
        assert members(roster(*documents)) == {"mac1", "mac3"}
        assert members(roster(*documents, revokes("mac3", "mac1", admitted=("mac3",)))) == {"mac3"}

    def test_what_was_told_at_a_join_makes_nobody_more_senior_than_the_documents_do(self) -> None:
        again = [leaves("mac2", 5), admits("mac1", "mac2", 8), admits("mac1", "mac3", 6), admits("mac2", "mac4", 3)]
        told = {key("mac1"): Anchor("mac1"), key("mac2"): Anchor("mac2", by=key("mac1"), at=2)}
        joined = Roster(FLEET, key("mac9"), told)
        joined.merge(again)
        seen, others = joined.view(), roster(*again).view()
        assert by_seniority(seen.members.values()) == by_seniority(others.members.values())

    def test_the_newer_of_anchor_and_admission_says_whether_one_is_eligible(self) -> None:
        made = roster(admits("mac1", "mac2", 5, eligible=False), founders=("mac1", "mac2"))
        assert made.view().members["mac2"].eligible is False
        assert made.view().members["mac2"].by == ""


def shows_as(node: str, name: str, issued: int) -> Signed:
    """A card of a node under a name that is not its own."""
    kept = identity(node)
    return from_card(sign_card(Identity(name, kept.ed25519, kept.x25519), [], issued, "1.2.3"))


LET_IN = (admits("mac1", "mac2", 5), admits("mac2", "mac3", 7), admits("mac1", "mac4", 9))


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        ((revokes("mac1", "mac2", admitted=("mac3",)),), set()),  # by who had let it in
        ((revokes("mac1", "mac2"),), set()),  # and whom it had let in went with it
        ((revokes("mac4", "mac2"),), {"mac2", "mac3"}),  # by one that came later
        ((revokes("mac4", "mac2"), revokes("mac1", "mac2")), set()),
        ((revokes("mac3", "mac1"), revokes("mac1", "mac3")), {"mac1", "mac2", "mac3"}),
    ],
)
def test_heard_is_who_was_put_out_by_nobody_more_senior(words: tuple[Signed, ...], heard: set[str]) -> None:
    made = roster(*LET_IN, *words, me="mac5")
    assert made.contested() & {key(each) for each in ("mac1", "mac2", "mac3")} == {key(each) for each in heard}


def test_the_word_of_this_node_s_own_user_is_beyond_doubt() -> None:
    assert roster(*LET_IN, revokes("mac4", "mac2"), me="mac4").contested() == frozenset()


def told(*documents: Signed) -> Roster:
    """What mac3 has, which was let in by `bad` and was told by it of mac1, which had let it in, and of `evil`."""
    first, told_by = Anchor("mac1"), (key("bad"),)
    anchors = {key("mac1"): replace(first, told_by=told_by), key("evil"): Anchor("evil", told_by=told_by)}
    made = Roster(FLEET, key("mac3"), anchors)
    made.merge([admits("mac1", "bad", 5), admits("mac1", "mac2", 5), admits("bad", "mac3", 7), *documents])
    return made


def test_what_one_that_was_revoked_had_told_alone_is_believed_no_longer() -> None:
    assert members(told()) == {"mac1", "mac2", "bad", "mac3", "evil"}
    made = told(revokes("mac1", "bad", admitted=("mac3",)), admits("evil", "evil2", 9))
    assert members(made) == {"mac1", "mac2", "mac3"}
    assert out(made) == {"bad": "revoked", "evil": "orphaned", "evil2": "orphaned"}
    gone = {each.node: each.reason for each in made.view().out.values()}
    assert gone["evil"] == "known here by the word of bad alone, which was revoked"
    assert gone["evil2"] == "let in through bad, which was revoked"
    made.merge([revokes("evil", "mac2", 9)])
    assert members(made) == {"mac1", "mac2", "mac3"}


def test_what_it_had_told_stays_where_the_revoker_names_it_or_a_captain_that_stands_has_let_it_in() -> None:
    named = told(revokes("mac2", "bad", admitted=("mac1", "mac3")))
    assert members(named) == {"mac1", "mac2", "mac3"}
    let_in = told(revokes("mac1", "bad", admitted=("mac3",)), admits("mac1", "evil", 9))
    assert members(let_in) == {"mac1", "mac2", "mac3", "evil"}


def test_who_is_told_of_somebody_is_told_by_whose_word_that_is() -> None:
    assert told().told()[key("evil")].told_by == (key("bad"),)
    assert told().told()[key("mac2")].told_by == ()
