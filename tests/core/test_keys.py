"""What two nodes share, and that nobody else does."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from multifleet.core.key_ring import own_keys
from multifleet.core.keys import PairKeys, WeakKey, derive, signed_by
from tests.core.wire import FLEET, KEYS, MAC1, MAC2, MAC3, pair


def test_both_sides_derive_the_same_keys() -> None:
    to_mac2, from_mac2 = MAC1.pair(FLEET, "mac2", MAC2.exchange_public)
    to_mac1, from_mac1 = MAC2.pair(FLEET, "mac1", MAC1.exchange_public)
    assert (to_mac2, from_mac2) == (from_mac1, to_mac1)


def test_direction_and_purpose_never_share_a_key() -> None:
    there, back = MAC1.pair(FLEET, "mac2", MAC2.exchange_public)
    made = [key for keys in (there, back) for key in (keys.mac, keys.seal, keys.receipt)]
    assert len(set(made)) == 6
    assert there.kid != back.kid


def test_another_fleet_has_other_keys_between_the_same_nodes() -> None:
    assert pair(MAC1, MAC2, "a" * 32) != pair(MAC1, MAC2, "b" * 32)


def test_a_third_node_has_other_keys() -> None:
    assert not set(_all(pair(MAC1, MAC3))) & set(_all(KEYS))


def test_the_derivation_is_hkdf_as_the_protocol_says() -> None:
    secret = MAC1.shared_secret(MAC2.exchange_public)
    salt = hashlib.sha256(b"mf1" + FLEET.encode()).digest()
    info = b"mf1 seal mac1 mac2 " + MAC1.exchange_public + MAC2.exchange_public
    assert HKDF(SHA256(), 32, salt, info).derive(secret) == KEYS.seal


@given(st.binary(min_size=32, max_size=32), st.sampled_from(["mac1", "a" * 63]))
def test_the_key_id_is_the_beginning_of_its_own_key(secret: bytes, sender: str) -> None:
    keys = derive(secret, FLEET, sender, "mac2", b"p" * 32, b"q" * 32)
    prk = hmac.digest(hashlib.sha256(b"mf1" + FLEET.encode()).digest(), secret, "sha256")
    info = f"mf1 kid {sender} mac2 ".encode() + b"p" * 32 + b"q" * 32 + b"\x01"
    assert keys.kid == hmac.digest(prk, info, "sha256")[:8].hex()


@pytest.mark.parametrize("point", [bytes(32), bytes([1]) + bytes(31)])
def test_a_public_key_that_makes_the_secret_zero_is_refused(point: bytes) -> None:
    with pytest.raises(WeakKey):
        MAC1.shared_secret(point)


def test_the_repr_of_an_identity_shows_no_key() -> None:
    shown = repr(MAC1)
    assert MAC1.ed25519.hex() not in shown
    assert repr(MAC1.x25519) not in shown
    assert "mac1" in shown


def test_the_repr_of_a_key_shows_its_public_half_alone() -> None:
    renewed = MAC1.rotated(b"n" * 32, 1.0, 2.0)
    for shown in (repr(renewed), repr(renewed.exchange_keys), repr(own_keys(renewed.exchange_keys))):
        assert MAC1.x25519.hex() not in shown and repr(MAC1.x25519) not in shown and repr(b"n" * 32) not in shown
    assert MAC1.exchange_public.hex()[:16] in repr(renewed.older)


def test_a_renewed_identity_is_the_same_one_with_its_older_keys_until_they_are_over_and_not_needed() -> None:
    once = MAC1.rotated(b"a" * 32, 10.0, 40.0)
    twice = once.rotated(b"b" * 32, 20.0, 50.0)
    assert (twice.public, twice.made, twice.x25519) == (MAC1.public, 20.0, b"b" * 32)
    assert [key.private for key in twice.exchange_keys] == [b"b" * 32, b"a" * 32, MAC1.x25519]
    assert twice.retired(39.0) == twice
    assert [key.private for key in twice.retired(40.0).older] == [b"a" * 32]
    assert twice.retired(50.0, {MAC1.exchange_public}).older == (twice.older[1],)
    assert twice.retired(50.0).older == ()


def test_what_is_a_nodes_own_alone_differs_by_purpose_and_node_and_not_by_its_x25519_key() -> None:
    keys = {MAC1.own_key("rcpt"), MAC1.own_key("kept"), MAC2.own_key("rcpt"), KEYS.receipt}
    assert len(keys) == 4
    assert MAC1.rotated(b"a" * 32, 1.0, 2.0).own_key("rcpt") == MAC1.own_key("rcpt")


@given(st.binary(max_size=64))
def test_a_signature_is_good_for_its_own_text_and_key_alone(data: bytes) -> None:
    signature = MAC1.sign(data)
    assert signed_by(MAC1.public, signature, data)
    assert not signed_by(MAC2.public, signature, data)
    assert not signed_by(MAC1.public, signature, data + b"x")
    assert not signed_by(MAC1.public, bytes(64), data)
    assert not signed_by(MAC1.public, signature[:63], data)
    assert not signed_by(b"short", signature, data)


def _all(keys: PairKeys) -> list[bytes]:
    return [keys.mac, keys.seal, keys.receipt, keys.kid.encode()]
