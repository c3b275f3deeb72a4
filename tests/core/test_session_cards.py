"""What a node tells of its sessions: bounded, nothing of what is said in them, and news only where there is some."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core import packets
from multifleet.core.packets import BadPacket
from multifleet.core.presence.gossip import DOING_SHOWN, Facts
from multifleet.core.session_cards import (
    CARDS_LIMIT,
    Known,
    SessionCard,
    SessionsAsk,
    SessionsTold,
    agrees,
    chosen,
    doing,
    followed,
    is_news,
    marks,
    status_of,
    to_ask,
)

API = SessionCard(seat="api", client="claude", state="idle", seconds=90, branch="main")
FACTS = Facts(version="1", branch="main", commit="", sessions=1, seats=["api"], load=0.0, disk=1)


def test_a_card_has_these_fields_and_no_others() -> None:
    assert set(SessionCard.__struct_fields__) == {
        *("seat", "client", "state", "seconds", "branch"),
        *("quiet", "quiet_for", "mate"),
    }


def test_what_is_told_comes_back_as_it_was() -> None:
    told = chosen([API, SessionCard(client="codex", state="busy")])
    assert packets.read(packets.write(told), SessionsTold) == told
    assert packets.read(packets.write(SessionsAsk()), SessionsAsk) == SessionsAsk()


@pytest.mark.parametrize(
    "change",
    [
        {"seat": "API"},
        {"seat": "../x"},
        {"client": ""},
        {"client": "Claude Code"},
        {"state": "asleep"},
        {"seconds": -1},
        {"branch": "x" * 61},
        {"quiet": "yes"},
        {"quiet_for": -1},
        {"text": "what was said"},
    ],
    ids=str,
)
def test_what_is_no_card_is_refused(change: dict[str, object]) -> None:
    made = msgspec.to_builtins(SessionsTold(cards=[API]))
    made["cards"][0] |= change
    with pytest.raises(BadPacket):
        packets.read(msgspec.json.encode(made), SessionsTold)


def test_of_very_many_sessions_the_latest_are_told_and_the_others_counted() -> None:
    many = [SessionCard(seat=f"s{number:03}", client="claude", state="idle") for number in range(CARDS_LIMIT + 36)]
    told = chosen(reversed(many))
    assert (len(told.cards), told.more) == (CARDS_LIMIT, 36)
    assert [card.seat for card in told.cards] == [f"s{number:03}" for number in range(36, CARDS_LIMIT + 36)]
    assert packets.read(packets.write(told), SessionsTold) == told


def test_sessions_without_a_seat_come_last() -> None:
    told = chosen([SessionCard(client="claude", state="busy"), API])
    assert [card.seat for card in told.cards] == ["api", ""]


def test_that_time_passed_is_no_news() -> None:
    before = Known((API,), 0, 100.0)
    later = Known((msgspec.structs.replace(API, seconds=200),), 0, 210.0)
    busy = Known((msgspec.structs.replace(API, state="busy"),), 0, 210.0)
    assert not is_news(before, later)
    assert is_news(None, before) and is_news(before, busy) and is_news(before, Known((API,), 1, 210.0))


def cards_of(*sessions: str) -> list[SessionCard]:
    """Written as `api:idle`."""
    made = []
    for seat, _, state in (session.partition(":") for session in sessions):
        made.append(SessionCard(seat=seat, client="claude", state=state, seconds=90))  # type: ignore[arg-type]
    return made


def test_facts_say_in_letters_what_each_session_does_and_of_very_many_nothing() -> None:
    some = cards_of("web:busy", "api:idle", ":unknown", "zoo:waiting")
    assert doing(some) == "ibwu" and doing([]) == ""
    assert doing(cards_of(*["api:busy"] * DOING_SHOWN)) == "b" * DOING_SHOWN
    assert doing(cards_of(*["api:busy"] * (DOING_SHOWN + 1))) == ""


def test_cards_follow_the_letters_and_the_time_begins_anew_for_what_has_changed() -> None:
    known = Known(tuple(chosen(cards_of("api:idle", "web:busy", "web:idle")).cards), 0, 100.0)
    later = followed(known, "bib", 107.0)
    assert [(card.seat, card.state, card.seconds) for card in later.cards] == [
        ("api", "busy", 0),
        ("web", "busy", 97),
        ("web", "idle", 97),
    ], "one of the two at web is busy and one idle, as before"
    assert later.at == 107.0 and is_news(known, later) and not is_news(later, followed(later, "bbi", 108.0))


@pytest.mark.parametrize(("letters", "more"), [("", 0), ("i", 0), ("iii", 0), ("bb", 5)])
def test_letters_of_other_sessions_change_nothing(letters: str, more: int) -> None:
    known = Known(tuple(cards_of("api:idle", "web:busy")), more, 100.0)
    assert followed(known, letters, 107.0) is known


@given(st.lists(st.tuples(st.sampled_from(["", "api", "web"]), st.sampled_from("ibwu"), st.sampled_from("ibwu"))))
def test_what_was_followed_says_the_same_as_a_look(sessions: list[tuple[str, str, str]]) -> None:
    names = {"i": "idle", "b": "busy", "w": "waiting", "u": "unknown"}
    sessions = sessions[:DOING_SHOWN]
    before, after = ([f"{one[0]}:{names[one[place]]}" for one in sessions] for place in (1, 2))
    known = Known(tuple(chosen(cards_of(*before)).cards), 0, 1.0)
    now = chosen(cards_of(*after)).cards
    found = followed(known, doing(now), 2.0).cards
    assert sorted((card.seat, card.state) for card in found) == sorted((card.seat, card.state) for card in now)


@pytest.mark.parametrize(
    ("sessions", "status"),
    [
        (["api:busy", "api:idle", "web:waiting"], "idle"),
        (["api:waiting", "api:busy"], "busy"),
        (["api:waiting", "api:unknown"], ""),
        (["api:waiting"], "waiting"),
        (["web:idle"], ""),
    ],
)
def test_a_seat_does_what_the_session_does_that_would_get_a_message(sessions: list[str], status: str) -> None:
    assert status_of(cards_of(*sessions), "api") == status


def test_a_session_is_idle_for_longer_the_longer_ago_that_was_told() -> None:
    known = Known((API,), 0, 100.0)
    assert known.seconds(API, 130.0) == 120.0
    assert known.seconds(msgspec.structs.replace(API, seconds=None), 130.0) is None


@pytest.mark.parametrize(
    ("change", "asked"),
    [({"load": 9.0, "commit": "ab"}, False), ({"sessions": 2}, True), ({"seats": []}, True), ({"branch": "x"}, True)],
    ids=str,
)
def test_a_node_is_asked_anew_when_its_facts_tell_of_other_sessions(change: dict[str, object], asked: bool) -> None:
    assert to_ask(FACTS, {}, "mac2")
    assert to_ask(msgspec.structs.replace(FACTS, **change), {"mac2": marks(FACTS)}, "mac2") is asked


@pytest.mark.parametrize(
    ("cards", "more", "same"),
    [
        ([API], 0, True),
        ([], 0, False),
        ([API, API], 0, False),
        ([API], 1, False),
        ([msgspec.structs.replace(API, seat="web")], 0, False),
    ],
)
def test_cards_of_another_moment_than_the_facts_are_told_apart(cards: list[SessionCard], more: int, same: bool) -> None:
    assert agrees(FACTS, cards, more) is same
    many = msgspec.structs.replace(FACTS, sessions=70, seats=["api", "zoo"])
    assert agrees(many, [API] * CARDS_LIMIT, 6)
