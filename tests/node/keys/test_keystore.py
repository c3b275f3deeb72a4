"""Private keys: where they lie, that nobody else reads them, and what is said where they cannot be read."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from multifleet.errors import BadInput, KeyUnavailable
from multifleet.node.keys.keystore import (
    ENVIRONMENT,
    create_identity,
    identity_file,
    kept_in,
    load_identity,
    node_of,
    save_identity,
    tidy,
)


class Ring(KeyringBackend):
    """A keyring in memory that can be locked."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.items.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.items[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.items[service, username]

    def _check(self) -> None:
        if self.locked:
            raise KeyringLocked("locked")


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    """The system's keyring."""
    made = Ring()
    monkeypatch.setattr(keyring, "get_keyring", lambda: made)
    monkeypatch.setattr(keyring, "get_password", made.get_password)
    monkeypatch.setattr(keyring, "set_password", made.set_password)
    monkeypatch.setattr(keyring, "delete_password", made.delete_password)
    return made


def test_keys_in_a_file_are_this_users_alone_and_come_back_as_they_were(tmp_path: Path) -> None:
    made = create_identity(tmp_path, "mac1", "file")
    assert load_identity(tmp_path, {}) == made
    assert stat.S_IMODE(identity_file(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(identity_file(tmp_path).parent.stat().st_mode) == 0o700
    assert (kept_in(tmp_path), node_of(tmp_path)) == ("file", "mac1")


def test_each_node_has_keys_of_its_own(tmp_path: Path) -> None:
    one, other = create_identity(tmp_path / "a", "mac1", "file"), create_identity(tmp_path / "b", "mac1", "file")
    assert len({one.ed25519, one.x25519, other.ed25519, other.x25519}) == 4


def test_a_usable_keyring_is_preferred_and_the_file_then_holds_no_key(tmp_path: Path, ring: Ring) -> None:
    made = create_identity(tmp_path, "mac1", "auto")
    assert kept_in(tmp_path) == "keyring"
    assert made.ed25519.hex() not in identity_file(tmp_path).read_text()
    assert load_identity(tmp_path, {}) == made


def test_two_homes_share_a_keyring_and_no_keys(tmp_path: Path, ring: Ring) -> None:
    made = [create_identity(tmp_path / home, "mac1", "auto") for home in ("a", "b")]
    assert [load_identity(tmp_path / home, {}) for home in ("a", "b")] == made
    assert len(ring.items) == 2


def test_without_a_usable_keyring_keys_go_to_the_file_unless_that_was_ruled_out(tmp_path: Path, ring: Ring) -> None:
    ring.locked = True
    create_identity(tmp_path / "a", "mac1", "auto")
    assert kept_in(tmp_path / "a") == "file"
    with pytest.raises(KeyUnavailable, match=r"config\.json"):
        create_identity(tmp_path / "b", "mac1", "keyring")
    assert node_of(tmp_path / "b") is None


def test_a_keyring_that_was_locked_later_says_what_to_do(tmp_path: Path, ring: Ring) -> None:
    create_identity(tmp_path, "mac1", "keyring")
    ring.locked = True
    with pytest.raises(KeyUnavailable, match="unlock it"):
        load_identity(tmp_path, {})
    assert node_of(tmp_path) == "mac1"


def test_an_item_that_is_gone_from_the_keyring_is_named(tmp_path: Path, ring: Ring) -> None:
    create_identity(tmp_path, "mac1", "keyring")
    ring.items.clear()
    with pytest.raises(KeyUnavailable, match="fleet_nerve_hmac_key"):
        load_identity(tmp_path, {})


def test_the_environment_may_hold_the_keys(tmp_path: Path) -> None:
    create_identity(tmp_path, "mac1", "file")
    found = load_identity(tmp_path, {ENVIRONMENT: "11" * 32 + ":" + "22" * 32})
    assert (found.ed25519, found.x25519) == (bytes([0x11]) * 32, bytes([0x22]) * 32)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{",
        b"[]",
        b"17",
        b"\xff",
        {},
        {"node": "mac1"},
        {"node": "mac1", "pair": "x"},
        {"node": "mac1", "pair": "11:22"},
        {"node": "mac1", "pair": "11" * 32},
        {"node": "mac1", "pair": "11" * 32 + ":" + "22" * 31},
        {"node": 17, "pair": "11" * 32 + ":" + "22" * 32},
        {"node": "../x", "pair": "11" * 32 + ":" + "22" * 32},
    ],
)
def test_a_damaged_file_is_told_with_advice_and_without_its_keys(tmp_path: Path, record: Any) -> None:
    path = identity_file(tmp_path)
    path.parent.mkdir()
    path.write_bytes(record if isinstance(record, bytes) else json.dumps(record).encode())
    with pytest.raises(KeyUnavailable, match="restore") as refused:
        load_identity(tmp_path, {})
    assert "11" * 8 not in str(refused.value)


def test_no_node_says_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match="multifleet init"):
        load_identity(tmp_path, {})
    assert node_of(tmp_path) is None


@pytest.mark.parametrize("node", ["", "Mac1", "../x", "-o", "a" * 64, "mac1\n"])
def test_a_bad_name_makes_no_keys(tmp_path: Path, node: str) -> None:
    with pytest.raises(BadInput, match="--node ID"):
        create_identity(tmp_path, node, "file")
    assert not identity_file(tmp_path).exists()

NEW = b"n" * 32


class Died(BaseException):
    """The daemon was killed here."""


def dying(monkeypatch: pytest.MonkeyPatch, ring: Ring, steps: int) -> None:
    """Whoever stores keys dies before its nth step that something outside sees."""
    left = [steps]

    def counted(does: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Died
            return does(*args, **kwargs)

        return step

    for name in ("open", "fsync", "replace", "pwrite"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    for name in ("set_password", "delete_password"):
        monkeypatch.setattr(keyring, name, counted(getattr(ring, name)))


@pytest.mark.parametrize("where", ["file", "keyring"])
def test_a_renewed_key_is_found_in_front_of_the_one_it_replaces(tmp_path: Path, ring: Ring, where: str) -> None:
    made = create_identity(tmp_path, "mac1", where)
    renewed = made.rotated(NEW, 1_800_000_000.0, 1_900_000_000.0)
    save_identity(tmp_path, renewed, {})
    assert load_identity(tmp_path, {}) == renewed
    assert (renewed.x25519, renewed.older[0].private, renewed.ed25519) == (NEW, made.x25519, made.ed25519)
    assert stat.S_IMODE(identity_file(tmp_path).stat().st_mode) == 0o600
    assert kept_in(tmp_path) == where
    assert len(ring.items) == (where == "keyring")


@pytest.mark.parametrize("where", ["file", "keyring"])
def test_a_removed_key_is_nowhere_any_more(tmp_path: Path, ring: Ring, where: str) -> None:
    made = create_identity(tmp_path, "mac1", where)
    renewed = made.rotated(NEW, 1.0, 2.0)
    save_identity(tmp_path, renewed, {})
    with identity_file(tmp_path).open("rb") as replaced:
        save_identity(tmp_path, renewed.retired(2.0), {})
        assert made.x25519.hex().encode() not in replaced.read()
    assert load_identity(tmp_path, {}).older == ()
    everywhere = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] + list(ring.items.values())
    assert not any(made.x25519.hex() in text for text in everywhere)


def test_a_file_that_is_linked_elsewhere_is_not_overwritten_there(tmp_path: Path) -> None:
    made = create_identity(tmp_path, "mac1", "file")
    backup = tmp_path / "backup.json"
    os.link(identity_file(tmp_path), backup)
    save_identity(tmp_path, made.rotated(NEW, 1.0, 2.0), {})
    assert made.x25519.hex() in backup.read_text()


@pytest.mark.parametrize("where", ["file", "keyring"])
@pytest.mark.parametrize("step", range(12))
def test_a_node_that_dies_while_it_stores_keys_has_the_old_ones_or_the_new_and_the_old(
    tmp_path: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch, where: str, step: int
) -> None:
    made = create_identity(tmp_path, "mac1", where)
    renewed = made.rotated(NEW, 1_800_000_000.0, 1_900_000_000.0)
    with monkeypatch.context() as patched:
        dying(patched, ring, step)
        try:
            save_identity(tmp_path, renewed, {})
        except Died:
            told = False  # nobody hears of a key before it is stored
        else:
            told = True
    found = load_identity(tmp_path, {})
    assert found == renewed or (found == made and not told)
    tidy(tmp_path)
    assert load_identity(tmp_path, {}) == found
    assert len(ring.items) == (where == "keyring")
    assert list(identity_file(tmp_path).parent.iterdir()) == [identity_file(tmp_path)]
    save_identity(tmp_path, renewed, {})
    assert load_identity(tmp_path, {}) == renewed


@pytest.mark.parametrize("where", ["file", "keyring"])
def test_keys_that_cannot_be_stored_leave_the_old_ones(
    tmp_path: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    made = create_identity(tmp_path, "mac1", where)

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        patched.setattr(keyring, "set_password", lambda *args: None)
        with pytest.raises(KeyUnavailable, match="new key"):
            save_identity(tmp_path, made.rotated(NEW, 1.0, 2.0), {})
    assert load_identity(tmp_path, {}) == made


def test_keys_from_the_environment_may_be_several_and_are_not_changed_here(tmp_path: Path) -> None:
    create_identity(tmp_path, "mac1", "file")
    environ = {ENVIRONMENT: "11" * 32 + ":" + "33" * 32 + "@7," + "22" * 32 + "@5@9"}
    found = load_identity(tmp_path, environ)
    assert [key.private.hex()[:2] for key in found.exchange_keys] == ["33", "22"]
    with pytest.raises(KeyUnavailable, match="MULTIFLEET_IDENTITY"):
        save_identity(tmp_path, found.rotated(NEW, 1.0, 2.0), environ)


def test_a_single_key_of_an_earlier_version_is_as_old_as_its_file(tmp_path: Path) -> None:
    path = identity_file(tmp_path)
    path.parent.mkdir()
    path.write_text(json.dumps({"node": "mac1", "in": "file", "pair": "11" * 32 + ":" + "22" * 32}))
    os.utime(path, (5_000, 5_000))
    assert load_identity(tmp_path, {}).made == 5_000
