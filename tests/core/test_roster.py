"""A roster takes what is new and good, once, and tells where it differs from another one."""

import pytest

from multifleet.core import roster as roster_module
from multifleet.core.documents import Document, Signed
from multifleet.core.roster import BUCKETS, Anchor, Roster
from multifleet.core.shelf import WEIGHT
from tests.core.fleet import admits, identity, key, leaves, members, revokes, roster, shows
from tests.core.wire import FLEET

DOCUMENTS = [
    admits("mac1", "mac2"),
    admits("mac2", "mac3"),
    shows("mac2"),
    shows("mac3"),
    leaves("mac3", 2),
    revokes("mac1", "mac2", 3, admitted=("mac3",)),
]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the documents of which a signature was checked."""
    found: list[str] = []
    check = roster_module.verify

    def counting(document: Document) -> None:
        found.append(document.id)
        check(document)

    monkeypatch.setattr(roster_module, "verify", counting)
    return found


def test_what_is_new_is_said_once() -> None:
    made = roster()
    assert [document.signed for document in made.merge(DOCUMENTS).new] == DOCUMENTS
    again = made.merge(DOCUMENTS)
    assert (again.new, again.gone, again.refused) == ((), (), ())


def test_the_same_document_twice_in_one_merge_is_new_once() -> None:
    assert len(roster().merge([DOCUMENTS[0], DOCUMENTS[0]]).new) == 1


def test_what_is_held_is_known_by_its_bytes_and_no_signature_is_checked_again(checked: list[str]) -> None:
    made = roster(*DOCUMENTS)
    checked.clear()
    made.merge(Signed(each.text, each.signature) for each in DOCUMENTS)
    assert checked == []


def test_an_older_document_costs_no_signature_check_and_replaces_nothing(checked: list[str]) -> None:
    made = roster(shows("mac2", issued=5))
    checked.clear()
    merged = made.merge([shows("mac2", issued=4)])
    assert (merged.new, merged.gone, merged.refused, checked) == ((), (), (), [])
    assert made.documents() == [shows("mac2", issued=5)]


def test_a_newer_document_replaces_the_older_one_and_says_so() -> None:
    made = roster(shows("mac2", issued=4))
    merged = made.merge([shows("mac2", issued=5)])
    assert [each.signed for each in merged.gone] == [shows("mac2", issued=4)]
    assert made.documents() == [shows("mac2", issued=5)]


def test_what_was_replaced_within_one_merge_was_never_new() -> None:
    merged = roster().merge([leaves("mac2", 1), leaves("mac2", 2)])
    assert [each.signed for each in merged.new] == [leaves("mac2", 2)]
    assert merged.gone == ()


def test_a_forged_newer_document_does_not_replace_a_good_one() -> None:
    made = roster(shows("mac2", issued=4))
    newer = shows("mac2", issued=5)
    merged = made.merge([Signed(newer.text, identity("mac9").sign(newer.text.encode()).hex())])
    assert "signature" in merged.refused[0].reason
    assert made.documents() == [shows("mac2", issued=4)]


def test_one_bad_document_keeps_no_good_one_out() -> None:
    merged = roster().merge([Signed("{}", "0" * 128), admits("mac1", "mac2", fleet="e" * 32), DOCUMENTS[0]])
    assert len(merged.refused) == 2
    assert [each.signed for each in merged.new] == [DOCUMENTS[0]]


def test_of_one_key_each_role_that_one_captain_gave_it_is_kept() -> None:
    words = [(1, "captain"), (2, "worker"), (3, "captain")]
    made = roster(*(admits("mac1", "mac2", at, role=role) for at, role in words))
    assert sorted(document.at for document in made.held("admission", key("mac2"))) == [2, 3]


def test_documents_are_found_by_subject_and_by_signer() -> None:
    made = roster(*DOCUMENTS)
    assert [each.signed for each in made.held("admission", key("mac3"))] == [DOCUMENTS[1]]
    assert [each.signed for each in made.held_by("revocation", key("mac1"))] == [DOCUMENTS[5]]
    assert made.held_by("admission", key("mac3")) == []


def test_rosters_with_the_same_documents_have_the_same_digests_and_order() -> None:
    one, other = roster(*DOCUMENTS), roster(*reversed(DOCUMENTS), me="mac3", founders=("mac3",))
    assert one.documents() == other.documents()
    assert (one.digest(), one.buckets()) == (other.digest(), other.buckets())
    assert len(one.digest()) == 16 and len(one.buckets()) == BUCKETS and {len(each) for each in one.buckets()} == {8}


@pytest.mark.parametrize("extra", [admits("mac1", "mac4"), shows("mac2", issued=2), leaves("mac3", 9)])
def test_one_more_document_shows_in_the_digest_and_in_one_bucket(extra: Signed) -> None:
    one, other = roster(*DOCUMENTS), roster(*DOCUMENTS, extra)
    assert one.digest() != other.digest()
    differing = [number for number in range(BUCKETS) if one.buckets()[number] != other.buckets()[number]]
    assert len(differing) == 1
    assert extra in other.documents(differing)


def test_what_two_rosters_lack_is_found_by_their_buckets() -> None:
    one, other = roster(*DOCUMENTS[:4]), roster(*DOCUMENTS[2:])
    differing = [number for number in range(BUCKETS) if one.buckets()[number] != other.buckets()[number]]
    there, back = one.documents(differing), other.documents(differing)
    one.merge(back)
    other.merge(there)
    assert one.digest() == other.digest()
    assert len(there) + len(back) < 2 * len(DOCUMENTS)


def test_the_view_is_worked_out_once_for_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    made = roster(*DOCUMENTS)
    before = made.view()
    made.merge(DOCUMENTS)
    made.set_anchors(dict(made.anchors))
    assert made.view() is before
    judged = made._trust
    made.merge([shows("mac2", issued=7)])
    assert made.view() is not before
    assert made._trust is judged  # a card changes nobody's standing


@pytest.mark.parametrize(
    "document", [admits("mac1", "mac4"), revokes("mac1", "mac3"), leaves("mac2", 9), shows("mac3", issued=9)]
)
def test_every_kind_of_document_changes_the_view_at_once(document: Signed) -> None:
    made = roster(admits("mac1", "mac2"), admits("mac1", "mac3"), shows("mac3"))
    before = made.view()
    made.merge([document])
    assert made.view() != before


def test_other_anchors_change_the_view_at_once() -> None:
    made = roster()
    assert members(made) == {"mac1"}
    made.set_anchors({key("mac1"): Anchor("mac1"), key("mac2"): Anchor("mac2")})
    assert members(made) == {"mac1", "mac2"}


def test_the_word_of_a_captain_finds_room_where_strangers_have_filled_it() -> None:
    made = Roster(FLEET, key("mac1"), {key("mac1"): Anchor("mac1")}, room=4 * WEIGHT)
    made.merge(revokes(f"stranger{number}", f"victim{number}") for number in range(6))
    assert len(made.documents()) == 4
    merged = made.merge([admits("mac1", "mac2"), revokes("mac1", "mac2")])
    assert not merged.refused
    assert len(merged.gone) == 1
    assert made.view().out[key("mac2")].how == "revoked"
    assert made.merge([revokes("stranger9", "mac1")]).refused[0].reason.startswith("there is no room")


def test_what_a_worker_says_of_others_makes_room_for_a_captains_word() -> None:
    made = Roster(FLEET, key("mac1"), {key("mac1"): Anchor("mac1")}, room=2 * WEIGHT)
    junk = revokes("worker", "mac1")
    made.merge([admits("mac1", "worker", role="worker"), revokes("mac1", "mac2"), junk])
    merged = made.merge([revokes("mac1", "mac3")])
    assert [each.signed for each in merged.gone] == [junk]
    assert len(made.held_by("revocation", key("mac1"))) == 2


def test_what_had_to_make_room_is_taken_when_it_comes_again_and_counts() -> None:
    made = Roster(FLEET, key("mac1"), {key("mac1"): Anchor("mac1")}, room=WEIGHT)
    early = revokes("mac2", "mac4")
    made.merge([early])
    assert [each.signed for each in made.merge([revokes("mac1", "mac5")]).gone] == [early]
    made.set_anchors({key("mac2"): Anchor("mac2")})
    assert [each.signed for each in made.merge([early]).new] == [early]
    assert made.view().out[key("mac4")].by == "mac2"
