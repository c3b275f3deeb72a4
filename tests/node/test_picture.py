"""The picture of the fleet: what roster, presence and outbox know, side by side."""

from typing import Any

import pytest
from msgspec.structs import replace

from multifleet import __version__
from multifleet.core.documents import Signed
from multifleet.core.presence.gossip import Facts
from multifleet.core.presence.peer import PeerPresence
from multifleet.core.presence.states import PresenceState
from multifleet.core.roster import Roster
from multifleet.node.members import Member, Members
from multifleet.node.picture import Sources, choose_chief, others, problems, this_node
from multifleet.node.roster.keeping import KeyChange
from multifleet.operations.views import ApartView, MemberView
from scripts.example_fleet import a_fleet, a_status
from tests.core.fleet import admits, identity, key, leaves, revokes, roster
from tests.core.wire import FLEET
from tests.node.fleet import pinned

NOW, WALL = 500.0, 1_800_000_000.0
FACTS = Facts(version="0.2.0", branch="main", commit="6f4f8fc2aa", sessions=2, seats=["api"], load=0.3, disk=51_200)


def presence(name: str, state: PresenceState = PresenceState.ALIVE, **known: Any) -> PeerPresence:
    made: dict[str, Any] = {
        "since": NOW - 60,
        "how": "answers pings",
        "incarnation": 1,
        "round_trip": 0.0004,
        "heard_at": NOW - 1,
        "heard_by": "answer",
        "facts": None,
        "facts_at": None,
        "apart": None,
        "flaps": 0,
        "slept": 0,
    }
    return PeerPresence(name=name, state=state, **made | known)


def member(name: str, *addresses: str) -> Member:
    members = Members(identity("mac1"), FLEET)
    return members.admit(pinned(identity(name), addresses))


def seen(made: Roster, *peers: PeerPresence, members: tuple[Member, ...] = (), **known: Any) -> Sources:
    return Sources(
        view=made.view(),
        presence={peer.name: peer for peer in peers},
        members={each.node: each for each in members},
        waiting=known.get("waiting", {}),
        chief=known.get("chief"),
        now=NOW,
        wall=WALL,
        rows=known.get("rows", {}),
    )


def test_the_picture_in_the_documentation_shows_nothing_that_a_node_does_not_show() -> None:
    made = roster(admits("mac1", "old", 1_700_000_000_000), revokes("mac1", "old", 1_700_000_001_000, reason="stolen"))
    [out] = others(seen(made), "mac1")
    [pictured] = [member for member in a_fleet() if member.state == "revoked"]
    assert replace(pictured, since=out.since, heard_at=out.heard_at, key=out.key) == out
    assert a_status().version == __version__


def test_a_member_is_shown_with_all_that_is_known_of_it() -> None:
    peer = presence("mac2", facts=FACTS, facts_at=NOW - 3, apart=(NOW - 400, NOW - 100), flaps=2)
    known = seen(
        roster(admits("mac1", "mac2", 1_700_000_000_000, role="worker")),
        peer,
        members=(member("mac2", "192.0.2.2:8855", "192.0.2.3:8855"),),
        waiting={"mac2": 4},
        chief="mac2",
    )
    assert others(known, "mac1") == [
        MemberView(
            node="mac2",
            state="alive",
            since=WALL - 60,
            how="answer 1 s ago",
            role="worker",
            chief=True,
            addresses=("192.0.2.2:8855", "192.0.2.3:8855"),
            round_trip=0.0004,
            version="0.2.0",
            branch="main",
            commit="6f4f8fc2aa",
            sessions=2,
            seats=("api",),
            load=0.3,
            disk_free=51_200,
            facts_at=WALL - 3,
            waiting=4,
            heard_at=WALL - 1,
            apart=ApartView(WALL - 400, WALL - 100),
            flaps=2,
            key=key("mac2")[:16],
            added_at=1_700_000_000.0,
        )
    ]


def test_a_member_whose_card_has_not_come_is_shown_as_such() -> None:
    [view] = others(seen(roster(admits("mac1", "mac2"))), "mac1")
    assert (view.state, view.since, view.addresses) == ("suspect", None, ())
    assert "its card has not come yet" in (view.how or "")


def test_whoever_is_out_comes_last_with_the_reason() -> None:
    made = roster(
        admits("mac1", "thief"),
        admits("thief", "accomplice"),
        admits("mac1", "gone"),
        admits("mac1", "mac2"),
        revokes("mac1", "thief", 5_000, reason="stolen"),
        leaves("gone", 7_000),
    )
    views = others(seen(made, presence("mac2"), waiting={"thief": 1}), "mac1")
    assert [(view.node, view.state, view.how, view.since) for view in views][1:] == [
        ("accomplice", "revoked", "came in through thief, which is out", views[1].since),
        ("gone", "left", "said so itself", 7.0),
        ("thief", "revoked", "by mac1: stolen", 5.0),
    ]
    assert views[-1].waiting == 1


def test_a_name_that_came_back_with_new_keys_has_one_line() -> None:
    made = roster(admits("mac1", "mac2"), revokes("mac1", "mac2"), admits("mac1", "mac2.new", 9))
    [view] = others(seen(made, presence("mac2")), "mac1")
    assert (view.state, view.key) == ("alive", key("mac2.new")[:16])


def test_a_dispute_is_a_persons_to_settle_and_both_are_shown_as_out() -> None:
    made = roster(
        admits("mac1", "mac2"), admits("mac1", "mac3"), revokes("mac2", "mac3"), revokes("mac3", "mac2"), me="mac1"
    )
    assert {view.state for view in others(seen(made), "mac1")} == {"revoked"}
    said = " ".join(problems(made.view(), {}, WALL))
    assert "mac2" in said and "mac3" in said and "multifleet revoke" in said


def test_two_machines_of_one_name_are_told() -> None:
    made = roster(admits("mac1", "mac2", 1), admits("mac1", "mac2.new", 9))
    [said] = problems(made.view(), {}, WALL)
    assert said.startswith(f"two machines call themselves mac2: the key {key('mac2')[:16]} has the name here")
    assert f"{key('mac2.new')[:16]} does not" in said and "let in by mac1" in said and "another name" in said
    assert [view.node for view in others(seen(made), "mac1")] == ["mac2"]


@pytest.mark.parametrize("gone", [leaves("mac2", 5), revokes("mac1", "mac2")])
def test_another_key_behind_a_name_is_told_for_a_week(gone: Signed) -> None:
    made = roster(admits("mac1", "mac2"), gone, admits("mac1", "mac2.new", 9))
    changes = {"mac2": KeyChange(key("mac2"), WALL)}
    [said] = problems(made.view(), changes, WALL + 600_000)
    assert "another machine has its name since 2027-01-15" in said and key("mac2.new")[:16] in said
    assert problems(made.view(), changes, WALL + 700_000) == ()
    assert problems(made.view(), {}, WALL) == ()


def test_whom_the_shared_key_let_in_after_somebody_was_revoked_is_told_for_a_week() -> None:
    made = roster(admits("mac1", "mac2"), admits("mac1", "mac3"), revokes("mac1", "mac3"))
    (out,) = made.view().out.values()
    row = replace(pinned(identity("mac2")), via="hello")
    late = replace(row, added_at=out.at / 1000 + 1)
    [said] = problems(made.view(), {}, late.added_at + 9, {"mac2": late})
    assert said.startswith("mac2 was let in here by the shared key after mac3 had been revoked")
    assert problems(made.view(), {}, late.added_at + 700_000, {"mac2": late}) == ()
    for usual in (replace(late, via="join"), replace(row, added_at=out.at / 1000 - 1)):
        assert problems(made.view(), {}, late.added_at + 9, {"mac2": usual}) == ()


S = PresenceState


@pytest.mark.parametrize(
    "configured, states, expected",
    [
        ("", {"mac2": S.ALIVE}, ("mac1", "the most senior eligible member that is there")),
        ("mac2", {"mac2": S.DEAD}, ("mac2", "it is configured")),
        ("mac9", {}, (None, "mac9 is configured and is no member")),
    ],
)
def test_the_chief_is_told_with_the_reason(
    configured: str, states: dict[str, PresenceState], expected: tuple[str | None, str]
) -> None:
    view = roster(admits("mac1", "mac2")).view()
    assert choose_chief(view, [presence(*known) for known in states.items()], "mac1", configured) == expected


@pytest.mark.parametrize("state, chief", [(S.ALIVE, "mac1"), (S.SUSPECT, "mac1"), (S.DEAD, "mac2"), (S.ASLEEP, "mac2")])
def test_a_chief_that_is_only_suspected_stays(state: PresenceState, chief: str) -> None:
    view = roster(admits("mac1", "mac2")).view()
    assert choose_chief(view, [presence("mac1", state)], "mac2", "")[0] == chief


def test_this_node_has_a_line_of_its_own() -> None:
    known = seen(roster(), chief="mac1")
    view = this_node(known, "mac1", FACTS, ["192.0.2.1:8855"], WALL - 100)
    assert (view.state, view.how, view.chief, view.sessions) == ("alive", "this node", True, 2)
    assert (view.clock_offset, view.branch, view.since) == (0.0, "main", WALL - 100)


def test_a_node_that_is_out_says_so_of_itself() -> None:
    made = roster(admits("mac1", "mac2"), revokes("mac1", "mac2", reason="stolen"), me="mac2")
    view = this_node(seen(made), "mac2", FACTS, [], WALL)
    assert (view.node, view.state, view.how) == ("mac2", "revoked", "by mac1: stolen")


@pytest.mark.parametrize(
    ("ago", "state", "known", "says"),
    [
        (3.0, PresenceState.ALIVE, {}, "answer 3 s ago"),
        (200.0, PresenceState.ALIVE, {"heard_by": "ping"}, "ping 3 min ago"),
        (2.0, PresenceState.ALIVE, {"slept": 300}, "answer 2 s ago, had slept 300 s"),
        (9.0, PresenceState.DEAD, {"how": "8 pings unanswered"}, "8 pings unanswered"),
        (9.0, PresenceState.ALIVE, {"how": "said so itself", "heard_by": ""}, "said so itself"),
    ],
)
def test_how_it_is_known_is_how_it_is_known_now(
    ago: float, state: PresenceState, known: dict[str, Any], says: str
) -> None:
    peer = presence("mac2", state, heard_at=NOW - ago, **known)
    [view] = others(seen(roster(admits("mac1", "mac2", 1_700_000_000_000)), peer), "mac1")
    assert (view.how, view.since) == (says, WALL - 60)


def test_who_is_out_was_heard_and_had_joined_as_it_was() -> None:
    made = roster(admits("mac1", "mac2"), revokes("mac1", "mac2"))
    row = replace(pinned(identity("mac2"), ()), heard_at=WALL - 9, added_at=WALL - 90)
    (view,) = others(seen(made, rows={"mac2": row}), "mac1")
    assert (view.state, view.heard_at, view.added_at) == ("revoked", WALL - 9, WALL - 90)


def test_what_is_known_of_another_machine_of_that_name_is_not_said_of_it() -> None:
    made = roster(admits("mac1", "mac2"), revokes("mac1", "mac2"))
    (view,) = others(seen(made, rows={"mac2": pinned(identity("mac3"), ())}), "mac1")
    assert (view.heard_at, view.added_at) == (None, None)
