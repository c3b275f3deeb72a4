"""A join code survives being read out and typed, and a mistyped one is noticed before it is used."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from multifleet.core.invite import (
    SECRET_BYTES,
    BadCode,
    Invite,
    fleet_of_key,
    join_key,
    join_mac,
    read_code,
    write_code,
)

SECRET = bytes(range(100, 100 + SECRET_BYTES))
CODE = write_code(Invite("192.168.7.20", 8855, SECRET))
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

invites = st.builds(
    Invite,
    host=st.ip_addresses().map(str),
    port=st.integers(0, 65_535),
    secret=st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES),
)


@given(invites)
def test_a_code_is_read_as_it_was_written(invite: Invite) -> None:
    assert read_code(write_code(invite)) == invite


@given(invites, st.data())
def test_every_single_wrong_character_is_noticed(invite: Invite, data: st.DataObject) -> None:
    code = write_code(invite).replace("-", "")
    place = data.draw(st.integers(0, len(code) - 1))
    wrong = data.draw(st.sampled_from([letter for letter in ALPHABET if letter != code[place]]))
    with pytest.raises(BadCode):
        read_code(code[:place] + wrong + code[place + 1 :])


def test_every_single_wrong_character_of_one_code_is_noticed() -> None:
    letters = CODE.replace("-", "")
    for place, right in enumerate(letters):
        for wrong in ALPHABET.replace(right, ""):
            with pytest.raises(BadCode):
                read_code(letters[:place] + wrong + letters[place + 1 :])


@pytest.mark.parametrize(
    "typed",
    [
        CODE,
        CODE.lower(),
        CODE.replace("-", ""),
        CODE.replace("-", " "),
        f"  {CODE}\n",
        CODE.replace("-", "\r\n"),
        CODE.replace("0", "O").replace("1", "I"),
        CODE.replace("0", "o").replace("1", "l"),
    ],
)
def test_a_code_may_be_typed_in_any_of_the_usual_ways(typed: str) -> None:
    assert read_code(typed) == Invite("192.168.7.20", 8855, SECRET)


@pytest.mark.parametrize(
    "typed", ["", "-", "0", "00", "0000", CODE[:-1], CODE + "0", CODE[1:], "U" + CODE, "ö", "💥", "a" * 5000]
)
def test_what_is_no_code_is_refused_with_advice(typed: str) -> None:
    with pytest.raises(BadCode, match=r"other machine|both machines"):
        read_code(typed)


@pytest.mark.parametrize("typed", ["", "\n", " - "])
def test_nothing_at_all_is_not_called_mistyped(typed: str) -> None:
    with pytest.raises(BadCode, match="there is no join code"):
        read_code(typed)


@given(st.text(max_size=60) | st.text(alphabet=ALPHABET + "-OIL", max_size=60))
@example("00")
@example("ı")
def test_no_text_raises_anything_but_bad_code(typed: str) -> None:
    try:
        read_code(typed)
    except BadCode:
        pass


def test_a_code_of_another_version_says_so() -> None:
    of_today = read_code(CODE)
    values = [ALPHABET.index(letter) for letter in CODE.replace("-", "")]
    values[0] ^= 16  # the highest bit of the version
    for check in ALPHABET:
        letters = "".join(ALPHABET[value] for value in values[:-1]) + check
        try:
            assert read_code(letters) != of_today
        except BadCode as refused:
            if "version" in str(refused):
                return
    pytest.fail("no check character fits")


def test_a_code_is_short_enough_to_be_typed() -> None:
    assert len(CODE.replace("-", "")) <= 29
    assert all(len(group) <= 5 for group in CODE.split("-"))


def test_the_repr_of_an_invitation_keeps_its_secret() -> None:
    shown = repr(read_code(CODE))
    assert SECRET.hex() not in shown and repr(SECRET) not in shown
    assert "192.168.7.20" in shown


def test_both_sides_and_both_kinds_have_macs_of_their_own() -> None:
    macs = {join_mac(join_key(SECRET, kind), side, b"x") for kind in ("join", "hello") for side in "ji"}
    assert len(macs) == 4
    assert join_mac(join_key(SECRET, "join"), "j", b"x") != join_mac(join_key(SECRET, "join"), "j", b"y")


def test_machines_that_share_a_key_are_in_one_fleet() -> None:
    assert fleet_of_key(b"k" * 32) == fleet_of_key(b"k" * 32) != fleet_of_key(b"l" * 32)
    assert len(fleet_of_key(b"k")) == 32


def test_codes_carry_both_families_of_addresses() -> None:
    for host in ("10.0.0.1", "2001:db8::1"):
        assert ipaddress.ip_address(read_code(write_code(Invite(host, 1, SECRET))).host) == ipaddress.ip_address(host)
