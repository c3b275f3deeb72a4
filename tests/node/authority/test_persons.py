"""A message is a person's where a signature proves it, and nowhere else."""

import asyncio
import base64
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from multifleet.core.frame import WINDOW
from multifleet.core.packets import write
from multifleet.node.authority.persons import A_MINUTE, UNPROVED, Persons
from multifleet.node.offering.showing import shown_by_hook
from multifleet.store.rows import InboxRow
from tests.core.wire import FLEET, NOW, message
from tests.node.authority.persons_keys import Key, allow, signed
from tests.store.made import inbox_row


def persons(allowed: Path, monotonic: Callable[[], float] = time.monotonic) -> Persons:
    """Those of a node of the fleet that `signed` is for."""
    return Persons(allowed, lambda: FLEET, monotonic)


def of_key(key: bytes) -> str:
    """A text that claims to be a signature by this public key, with nothing else in it."""
    claim = b"".join(len(part).to_bytes(4, "big") + part for part in (key, b"multifleet"))
    text = base64.b64encode(b"SSHSIG" + bytes(4) + claim).decode()
    return f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"


async def test_who_is_allowed_is_named(key: Key, allowed: Path) -> None:
    proof = await persons(allowed).examine(signed(key), NOW)
    assert (proof.signer, proof.reason) == ("ada", "")
    assert proof.fingerprint.startswith("SHA256:")


@pytest.mark.parametrize("changed", [{"body": "pay"}, {"to": "mac2"}, {"from_": "mac3"}, {"subject": "now"}])
async def test_one_changed_word_and_it_is_nobodys(key: Key, allowed: Path, changed: dict[str, str]) -> None:
    proof = await persons(allowed).examine(msgspec.structs.replace(signed(key), **changed), NOW)
    assert (proof.signer, proof.reason) == ("", "the signature is not good for this text, place, time and fleet")


async def test_a_key_that_is_not_allowed_starts_no_program(
    allowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = signed(Key(tmp_path, "stranger"))
    monkeypatch.setattr("multifleet.node.authority.ssh_keygen.PROGRAM", "/nowhere/ssh-keygen")
    proof = await persons(allowed).examine(stranger, NOW)
    assert proof.signer == "" and "does not name its key" in proof.reason


@pytest.mark.parametrize("length", [0, 3, 24, 48])
async def test_an_empty_or_cut_key_is_no_key_of_the_file(key: Key, allowed: Path, runs: list[str], length: int) -> None:
    claimed = of_key(base64.b64decode(key.public.split()[1])[:length])
    proof = await persons(allowed).examine(msgspec.structs.replace(signed(key), signature=claimed), NOW)
    assert "does not name its key" in proof.reason and runs == []


async def test_a_key_in_a_comment_of_the_file_starts_no_program(key: Key, allowed: Path, runs: list[str]) -> None:
    allow(allowed, f"# ada {key.public}")
    assert "does not name its key" in (await persons(allowed).examine(signed(key), NOW)).reason and runs == []


async def test_a_file_with_a_certificate_authority_is_asked_about_every_key(
    key: Key, allowed: Path, tmp_path: Path, runs: list[str]
) -> None:
    allow(allowed, f"ada cert-authority {key.public}")
    assert (await persons(allowed).examine(signed(Key(tmp_path, "other")), NOW)).signer == "" and runs != []


async def test_a_pipe_in_place_of_the_file_is_not_waited_for(key: Key, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    async with asyncio.timeout(5.0):
        assert "is not a file" in (await persons(pipe).examine(signed(key), NOW)).reason


async def test_the_file_may_be_a_link(key: Key, allowed: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(allowed)
    assert (await persons(tmp_path / "link").examine(signed(key), NOW)).signer == "ada"


async def test_no_member_has_more_than_so_many_signatures_looked_at_in_a_minute(
    key: Key, allowed: Path, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multifleet.node.authority.ssh_keygen.PROGRAM", "/nowhere/ssh-keygen")
    now = 1_000.0
    one, packet = persons(allowed, lambda: now), write(signed(key))
    row = inbox_row("a", authority="human", stored_at=float(NOW))
    rows = [await one.proved(row, packet) for _ in range(A_MINUTE + 5)]
    assert len(runs) == A_MINUTE
    assert [one.detail for one in rows] == [None] * A_MINUTE + [UNPROVED] * 5
    assert {(one.authority, one.signer, one.packet) for one in rows} == {("agent", "", packet)}
    await one.proved(msgspec.structs.replace(row, sender="mac3"), packet)
    assert len(runs) == A_MINUTE + 1, "of another member"
    now += 60.0 / A_MINUTE
    await one.proved(row, packet)
    await one.proved(row, packet)
    assert len(runs) == A_MINUTE + 2, "as many as time has passed for"


async def test_a_signature_for_something_else_does_not_count(key: Key, allowed: Path) -> None:
    other = msgspec.structs.replace(signed(key), signature=key.sign(b"anything", "git"))
    assert (await persons(allowed).examine(other, NOW)).reason == "it was made for another purpose than multifleet"


async def test_a_signature_that_was_kept_is_too_old_after_a_month(key: Key, allowed: Path) -> None:
    one = signed(key, expires=NOW + 60 * 86_400)
    assert (await persons(allowed).examine(one, NOW + 29 * 86_400)).signer == "ada"
    assert "30 days" in (await persons(allowed).examine(one, NOW + 31 * 86_400)).reason


async def test_a_signature_is_nobodys_after_its_time_and_in_another_fleet(key: Key, allowed: Path) -> None:
    one = signed(key)
    assert (await persons(allowed).examine(one, one.expires + WINDOW)).signer == "ada"
    late = await persons(allowed).examine(one, one.expires + WINDOW + 1)
    assert (late.signer, late.reason) == ("", "it came after the time for which it was signed")
    for changed in ({"expires": one.expires + 3_600}, {"created": one.created + 1}):
        assert (await persons(allowed).examine(msgspec.structs.replace(one, **changed), NOW)).signer == ""
    elsewhere = await Persons(allowed, lambda: "e" * 32).examine(one, NOW)
    assert (elsewhere.signer, elsewhere.reason) == (
        "",
        "the signature is not good for this text, place, time and fleet",
    )


@pytest.mark.parametrize(
    ("spoil", "words"), [(lambda file: file.chmod(0o666), "chmod 600"), (Path.unlink, "docs/authority.md")]
)
async def test_a_file_that_others_could_write_or_none_counts_for_nothing(
    key: Key, allowed: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(allowed)
    assert words in (await persons(allowed).examine(signed(key), NOW)).reason


async def test_what_a_daemon_says_is_not_believed(allowed: Path) -> None:
    claimed = message(authority="human")
    row = await persons(allowed).proved(inbox_row("a", authority="human"), write(claimed))
    assert (row.authority, row.signer, row.packet) == ("agent", "", None)


def test_a_model_is_told_who_signed_and_of_nobody_else_that_a_person_wrote() -> None:
    [by_ada, by_nobody] = [inbox_row(id, authority="human", signer=name) for id, name in (("a", "ada"), ("b", ""))]
    assert "signed by ada, a person whose SSH key your user has allowed to sign" in _shown(by_ada)
    assert "has not approved it" not in _shown(by_ada)
    for text in (_shown(by_nobody), _shown(by_ada, by_nobody)):
        assert "taken as an agent's: nobody has proved that a person wrote it" in text and "has not approved it" in text


def _shown(*rows: InboxRow) -> str:
    return shown_by_hook("00000000-0000-4000-8000-000000000000", rows)[0].text
