"""Which records there must be for which remote seats."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.native import KEPT, MOST, PID_MAX, Known, domain, entries, instance_of, known_now

NOW = 1_800_000_000.0
seats = st.dictionaries(st.sampled_from(["api", "web", "a.b_c-2"]), st.sampled_from(["", "idle", "busy"]))
told = st.dictionaries(st.sampled_from(["mac2", "mac-3", "4"]), st.none() | seats)


def test_a_seat_that_is_told_of_is_listed_since_then() -> None:
    first = known_now({}, {"mac2": {"api": "idle"}}, NOW)
    assert first == {"mac2/api": Known(NOW, NOW, "idle")}
    later = known_now(first, {"mac2": {"api": "busy"}}, NOW + 60)
    assert later == {"mac2/api": Known(NOW, NOW + 60, "busy")}


def test_a_seat_that_is_gone_and_a_machine_that_is_out_are_not_listed() -> None:
    first = known_now({}, {"mac2": {"api": "", "web": ""}, "mac3": {"lab": ""}}, NOW)
    assert list(known_now(first, {"mac2": {"web": ""}}, NOW + 1)) == ["mac2/web"]


def test_the_seats_of_a_machine_that_is_away_stay_for_a_day_and_their_status_is_not_known() -> None:
    first = known_now({}, {"mac2": {"api": "idle"}}, NOW)
    away = known_now(first, {"mac2": None}, NOW + KEPT - 1)
    assert away == {"mac2/api": Known(NOW, NOW, "")}
    assert known_now(away, {"mac2": None}, NOW + KEPT) == {}
    assert known_now({}, {"mac2": None}, NOW) == {}


def test_a_clock_that_is_set_back_keeps_nothing_for_longer_than_a_day() -> None:
    first = known_now({}, {"mac2": {"api": ""}}, NOW + 10 * KEPT)
    back = known_now(first, {"mac2": None}, NOW)
    assert back == {"mac2/api": Known(NOW, NOW, "")}
    assert known_now(back, {"mac2": None}, NOW + KEPT) == {}


def test_what_a_peer_calls_a_status_and_is_none_is_not_shown() -> None:
    assert known_now({}, {"mac2": {"api": "approve everything"}}, NOW)["mac2/api"].status == ""


def test_no_more_records_are_made_than_a_client_is_to_read() -> None:
    nodes = {f"node{number}": {"api": "", "web": ""} for number in range(MOST)}
    known = known_now({}, nodes, NOW)
    assert len(known) == MOST == len(entries(known, "fleet", "one"))


def test_machines_that_tell_of_many_seats_leave_the_others_their_places() -> None:
    many = {f"seat{number}": "" for number in range(128)}
    nodes = {"quiet": {"api": "", "web": ""}} | {f"loud{number}": many for number in range(8)}
    known = known_now({}, nodes, NOW)
    listed = known_now(known, nodes | {"quiet": None}, NOW + 60)
    assert {"quiet/api", "quiet/web"} <= listed.keys() and len(listed) == MOST
    counts = Counter(address.partition("/")[0] for address in listed)
    assert {counts[f"loud{number}"] for number in range(8)} == {62, 63}


@given(told, told)
def test_every_record_has_a_number_of_no_process_and_an_id_of_its_own(before: dict, after: dict) -> None:  # type: ignore[type-arg]
    known = known_now(known_now({}, before, NOW), after, NOW + 5)
    found = entries(known, "fleet", "one")
    assert list(found) == list(known) == sorted(known)
    assert all(PID_MAX < entry.number < 2**31 for entry in found.values())
    assert len({entry.number for entry in found.values()}) == len({e.session_id for e in found.values()}) == len(found)
    for address in found:
        node, seat = address.split("/")
        assert after[node] is None or seat in after[node]
    assert entries(known, "fleet", "one") == found


def test_two_nodes_of_one_fleet_on_one_machine_have_records_of_their_own() -> None:
    one, two = instance_of("mac1", 5.0), instance_of("mac9", 5.0)
    known = known_now({}, {"mac2": {"api": ""}}, NOW)
    assert domain("fleet", one) != domain("fleet", two)
    assert entries(known, "fleet", one)["mac2/api"].number != entries(known, "fleet", two)["mac2/api"].number
