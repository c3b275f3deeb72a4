"""The shape of names: what is not one never gets further."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.ids import Address, BadId, is_message_id, is_node_id, is_seat_name, message_id

BAD_NAMES = [
    "",
    "../../x",
    "-oProxyCommand=touch",
    "a;id",
    "$(id)",
    "`id`",
    "mac1\n",
    "\nmac1",
    "mac 1",
    "Mac1",
    "m\u0430c1",
    "mac1\x00",
    "mac\u202e1",
    ".",
    "..",
    "a/b",
    "a" * 64,
    "a" * 300,
]


@pytest.mark.parametrize("text", BAD_NAMES)
def test_a_hostile_name_is_neither_a_node_nor_a_seat(text: str) -> None:
    assert not is_node_id(text)
    assert not is_seat_name(text)


@pytest.mark.parametrize("text", [*(bad for bad in BAD_NAMES if bad != "a/b"), "mac1/", "mac1/x/y", "mac1/../x", "/x"])
def test_a_hostile_address_is_refused_with_the_shape_that_is_expected(text: str) -> None:
    with pytest.raises(BadId, match="NODE/SEAT"):
        Address.parse(text)


@pytest.mark.parametrize("text", ["mac1", "0", "a" * 63, "mac2/api", "mac2/api.v2_x-y", f"a/{'b' * 63}"])
def test_an_address_is_written_as_it_was_read(text: str) -> None:
    assert str(Address.parse(text)) == text


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_a_message_id_is_a_uuid_of_version_7_that_carries_its_time(milliseconds: int, random: bytes) -> None:
    made = message_id(milliseconds, random)
    read = uuid.UUID(made)
    assert is_message_id(made)
    assert (read.version, read.variant) == (7, uuid.RFC_4122)
    assert read.int >> 80 == milliseconds


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_later_ids_sort_behind_earlier_ones(one: bytes, other: bytes) -> None:
    assert message_id(1_000, one) < message_id(1_001, other)


@pytest.mark.parametrize(
    "text", ["", "x", "0" * 36, "00000000-0000-7000-8000-00000000000A", "00000000-0000-7000-8000-000000000001\n"]
)
def test_what_is_not_a_lower_case_uuid_is_no_message_id(text: str) -> None:
    assert not is_message_id(text)
