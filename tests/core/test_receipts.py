"""What may be said of a message, what it amounts to, and that no line of it can be changed."""

import dataclasses
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.packets import Statement
from multifleet.core.receipts import (
    BY_RECIPIENT,
    BY_SENDER,
    FINAL,
    LADDER,
    State,
    contiguous,
    current,
    hopeless,
    is_stated_by,
    reached,
    state_it,
)
from tests.core.wire import KEYS, MAC2

S = State
REACHED: dict[State, set[State]] = {
    S.QUEUED: {S.QUEUED},
    S.SENT: {S.QUEUED, S.SENT},
    S.STORED: {S.QUEUED, S.SENT, S.STORED, S.OFFERING},
    S.OFFERING: {S.QUEUED, S.SENT, S.STORED, S.OFFERING},
    S.OFFERED: {S.QUEUED, S.SENT, S.STORED, S.OFFERING, S.OFFERED},
    S.HELD: {S.QUEUED, S.SENT, S.STORED, S.OFFERING, S.HELD},
    S.SEEN: {S.QUEUED, S.SENT, S.STORED, S.OFFERING, S.OFFERED, S.SEEN},
    S.ANSWERED: {S.QUEUED, S.SENT, S.STORED, S.OFFERING, S.OFFERED, S.SEEN, S.ANSWERED},
    S.REFUSED: {S.QUEUED, S.REFUSED},
    S.EXPIRED: {S.QUEUED, S.EXPIRED},
    S.UNDELIVERABLE: {S.QUEUED, S.UNDELIVERABLE},
}


@pytest.mark.parametrize("state", State)
def test_later_rungs_imply_earlier_ones_and_nothing_else(state: State) -> None:
    assert {wanted for wanted in State if reached(state, wanted)} == REACHED[state]


@pytest.mark.parametrize("state", State)
def test_only_an_end_makes_a_state_hopeless(state: State) -> None:
    expected = {wanted for wanted in State if state in FINAL and wanted not in REACHED[state]}
    assert {wanted for wanted in State if hopeless(state, wanted)} == expected


ME, PEER = "mac1", "mac2"
CURRENT: list[tuple[str, list[tuple[State, str, int | None]], State]] = [
    ("nothing said", [], S.QUEUED),
    ("accepted", [(S.QUEUED, ME, None)], S.QUEUED),
    ("parked", [(S.QUEUED, ME, None), (S.SENT, ME, None)], S.SENT),
    ("stored", [(S.QUEUED, ME, None), (S.STORED, PEER, 1)], S.STORED),
    ("the last word by number, not by arrival", [(S.SEEN, PEER, 3), (S.STORED, PEER, 1), (S.OFFERED, PEER, 2)], S.SEEN),
    ("held after it was offered", [(S.OFFERED, PEER, 2), (S.HELD, PEER, 3)], S.HELD),
    ("given up", [(S.QUEUED, ME, None), (S.EXPIRED, ME, None)], S.EXPIRED),
    ("given up, then stored", [(S.UNDELIVERABLE, ME, None), (S.STORED, PEER, 1)], S.STORED),
    ("given up, then tried again", [(S.EXPIRED, ME, None), (S.QUEUED, ME, None)], S.EXPIRED),
    ("sent after stored was heard", [(S.STORED, PEER, 1), (S.SENT, ME, None)], S.STORED),
    ("expired there", [(S.STORED, PEER, 1), (S.EXPIRED, PEER, 2)], S.EXPIRED),
    ("refused there", [(S.QUEUED, ME, None), (S.REFUSED, PEER, 1)], S.REFUSED),
]


@pytest.mark.parametrize(("events", "state"), [row[1:] for row in CURRENT], ids=[row[0] for row in CURRENT])
def test_events_amount_to_one_state(events: list[tuple[State, str, int | None]], state: State) -> None:
    assert current(events, ME) is state


def test_a_third_node_has_no_say_without_a_number() -> None:
    assert current([(S.QUEUED, ME, None), (S.SEEN, "mac3", None)], ME) is S.QUEUED


def test_the_ladder_names_every_state_that_is_ever_told() -> None:
    assert [rung.state for rung in LADDER] == [state for state in State if state is not S.OFFERING]
    assert BY_SENDER | BY_RECIPIENT == {rung.state for rung in LADDER}
    assert S.OFFERING not in BY_RECIPIENT and S.STORED not in BY_SENDER and S.SEEN not in BY_SENDER


LINE: dict[str, Any] = {
    "seq": 7,
    "id": "00000000-0000-7000-8000-000000000001",
    "state": "stored",
    "at": 1_700_000_000.123,
    "channel": "http",
    "attempt": 2,
    "detail": "why",
}
STATED = state_it(KEYS.receipt, "mac1", "mac2", **LINE)


def test_a_statement_is_good_under_its_own_key_and_names() -> None:
    assert is_stated_by(KEYS.receipt, "mac1", "mac2", STATED)
    assert STATED.at == 1_700_000_000_123


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", 8),
        ("id", "00000000-0000-7000-8000-000000000002"),
        ("state", "seen"),
        ("at", STATED.at + 1),
        ("channel", ""),
        ("channel", "memory"),
        ("attempt", 3),
        ("detail", ""),
        ("detail", "why "),
        ("mac", "0" * 64),
    ],
)
def test_the_mac_changes_with_every_field(field: str, value: object) -> None:
    assert not is_stated_by(KEYS.receipt, "mac1", "mac2", msgspec.structs.replace(STATED, **{field: value}))


def test_a_statement_is_worth_nothing_under_other_names_or_keys() -> None:
    back = MAC2.pair("f" * 32, "mac1", MAC2.exchange_public)[0]
    assert not is_stated_by(KEYS.receipt, "mac2", "mac1", STATED)
    assert not is_stated_by(KEYS.receipt, "mac1", "mac3", STATED)
    for key in (KEYS.mac, KEYS.seal, back.receipt):
        assert not is_stated_by(key, "mac1", "mac2", STATED)
    assert {field.name for field in dataclasses.fields(KEYS)} == {"mac", "seal", "receipt", "kid"}


fields = st.fixed_dictionaries(
    {
        "seq": st.integers(0, 10**15),
        "id": st.uuids().map(str),
        "state": st.sampled_from(sorted(BY_RECIPIENT)),
        "at": st.integers(0, 10**12).map(lambda milliseconds: milliseconds / 1000),
        "channel": st.sampled_from(["", "http", "drop", "-"]),
        "attempt": st.integers(0, 10**9),
        "detail": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    }
)


@given(fields, fields)
def test_two_statements_share_a_mac_only_if_they_say_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    made = [state_it(KEYS.receipt, "mac1", "mac2", **line) for line in (one, other)]
    # An absent channel is written as "-", which is no channel's name.
    said = [msgspec.structs.replace(line, channel=line.channel or "-", mac="0" * 64) for line in made]
    assert (made[0].mac == made[1].mac) is (said[0] == said[1])


@given(fields)
def test_the_time_of_a_statement_survives_the_store(line: dict[str, Any]) -> None:
    stated = state_it(KEYS.receipt, "mac1", "mac2", **line)
    kept = stated.at / 1000
    assert is_stated_by(KEYS.receipt, "mac1", "mac2", msgspec.structs.replace(stated, at=round(kept * 1000)))


@given(st.integers(0, 20), st.lists(st.integers(1, 30), max_size=30))
def test_nothing_is_missing_up_to_the_contiguous_number(have: int, seqs: list[int]) -> None:
    up_to = contiguous(have, seqs)
    assert up_to >= have
    assert set(range(have + 1, up_to + 1)) <= set(seqs)
    assert up_to + 1 not in seqs


def test_a_statement_is_written_in_eight_parts() -> None:
    assert len(msgspec.json.decode(msgspec.json.encode(STATED))) == len(Statement.__struct_fields__) == 8
