"""A message is a person's where a signature proves it, and nowhere else."""

import asyncio
import base64
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from multifleet.config import BudgetSettings
from multifleet.core.frame import WINDOW
from multifleet.core.ids import message_id
from multifleet.core.packets import Message, read, write
from multifleet.core.person import signed_words, to_sign
from multifleet.core.receipts import State
from multifleet.errors import BadInput
from multifleet.node.authority import ssh_keygen
from multifleet.node.authority.persons import A_MINUTE, UNPROVED, Persons
from multifleet.node.node import Node
from multifleet.node.offering.showing import shown_by_hook
from multifleet.store.rows import OWN_ID, InboxRow
from tests.core.wire import FLEET, NOW, message
from tests.node.authority.persons_keys import Key, allow
from tests.node.delivery.test_receiving import ask, now_message, request
from tests.node.fleet import Machine, Machines
from tests.store.made import inbox_row


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key(tmp_path_factory.mktemp("ssh"), "id_ed25519")


@pytest.fixture
def allowed(tmp_path: Path, key: Key) -> Path:
    allow(tmp_path / "allowed", f"ada {key.public}")
    return tmp_path / "allowed"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What ssh-keygen was asked, in order."""
    asked: list[str] = []
    really = ssh_keygen._run

    def counted(action: str, *arguments: str, words: bytes) -> str:
        asked.append(action)
        return really(action, *arguments, words=words)

    monkeypatch.setattr(ssh_keygen, "_run", counted)
    return asked


def signed(key: Key, **fields: object) -> Message:
    """A message that the person with this key has signed."""
    return sign(key, message(**fields), NOW, FLEET)


def sign(key: Key, made: Message, at: int, fleet: str) -> Message:
    """The same of a message that is made already."""
    signed_at = msgspec.structs.replace(made, authority="human", signed_at=at)
    return msgspec.structs.replace(signed_at, signature=key.sign(signed_words(signed_at, fleet)))


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


async def _two(fleet: Machines) -> tuple[Machine, Machine]:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    return mac1, mac2


async def test_a_persons_message_arrives_as_theirs(fleet: Machines, key: Key) -> None:
    mac1, mac2 = await _two(fleet)
    allow(mac2.home / "allowed_signers", f"ada {key.public}")
    at, id = int(mac1.node.clock.now()), message_id(1, bytes(10))
    made = to_sign(id=id, from_="mac1", to="mac2", type="context", at=at, lifetime=None, body="go on")
    words = signed_words(made, mac1.node.members.fleet)
    sent = await mac1.node.messages.send("mac2", "go on", id=id, signature=key.sign(words), signed_at=at)
    await mac1.wait(sent.id, State.STORED)
    [view] = await mac2.node.messages.inbox(None, False, 10)
    assert (view.authority, view.signer) == ("human", "ada")
    verified = await mac2.node.messages.verify(sent.id[:8])
    assert (verified.signer, verified.proved, verified.authority, verified.shown_as) == ("ada", True, "human", "human")
    allow(mac2.home / "allowed_signers", "")
    verified = await mac2.node.messages.verify(sent.id)
    assert (verified.proved, verified.authority, verified.shown_as) == (False, "agent", "human")
    assert verified.reason is not None and "does not name its key" in verified.reason
    there = await mac1.node.messages.verify(sent.id)
    assert there.reason is not None and "docs/authority.md" in there.reason
    assert (there.authority, there.shown_as) == ("agent", None)


async def test_who_is_allowed_only_afterwards_is_proved_and_was_shown_as_an_agent(fleet: Machines, key: Key) -> None:
    mac1, mac2 = await _two(fleet)
    at, id = int(mac1.node.clock.now()), message_id(1, bytes(10))
    made = to_sign(id=id, from_="mac1", to="mac2", type="context", at=at, lifetime=None, body="go on")
    words = signed_words(made, mac1.node.members.fleet)
    await mac1.node.messages.send("mac2", "go on", id=id, signature=key.sign(words), signed_at=at)
    await mac1.wait(id, State.STORED)
    for machine, shown_as in ((mac2, "agent"), (mac1, None)):
        allow(machine.home / "allowed_signers", f"ada {key.public}")
        verified = await machine.node.messages.verify(id)
        assert (verified.proved, verified.authority, verified.shown_as) == (True, "human", shown_as)


async def test_a_persons_answer_arrives_as_theirs_and_not_with_another_urgency(fleet: Machines, key: Key) -> None:
    mac1, mac2 = await _two(fleet)
    allow(mac1.home / "allowed_signers", f"ada {key.public}")
    asked = await mac1.node.messages.send("mac2", "may I drop it?", thread="db")
    await mac1.wait(asked.id, State.STORED)
    at = int(mac2.node.clock.now())

    async def answered(number: int, urgency: Literal["now", "next-turn"]) -> str:
        id = message_id(number, bytes(10))
        signed = to_sign(
            id=id,
            from_="mac2",
            to="mac1",
            type="reply",
            at=at,
            lifetime=600.0,
            body="yes",
            thread="db",
            reply_to=asked.id,
        )
        signature = key.sign(signed_words(signed, mac2.node.members.fleet))
        how = {"signature": signature, "signed_at": at, "answer_id": id, "urgency": urgency, "expires_in": 600.0}
        await mac2.wait((await mac2.node.messages.reply(asked.id, "yes", **how)).id, State.STORED)
        return id

    signed, changed = await answered(1, "next-turn"), await answered(2, "now")
    views = {view.id: view for view in await mac1.node.messages.inbox(None, False, 10)}
    assert (views[signed].authority, views[signed].signer) == ("human", "ada")
    assert (views[changed].authority, views[changed].signer) == ("agent", None)


async def test_the_id_of_an_own_message_is_nobodys_for_a_second_one(fleet: Machines) -> None:
    mac1, mac2 = await _two(fleet)
    sent = await mac1.node.messages.send("mac2", "to you")
    await mac1.wait(sent.id, State.STORED)
    with pytest.raises(BadInput, match="came here"):
        await mac2.node.messages.send("mac1", "with your id", id=sent.id)
    own = await mac1.node.messages.send("mac1", "to myself")
    await mac1.wait(own.id, State.STORED)

    async def none(id: str) -> list[tuple[str, str]]:
        return []

    mac2.node.store.inbox.find = none  # type: ignore[method-assign]
    await mac2.node.messages.send("mac1", "with your id", id=sent.id)
    story = await mac2.wait(sent.id, State.REFUSED)
    assert story.events[-1].detail == OWN_ID
    assert (await mac1.node.messages.trace(sent.id)).to == "mac2"


async def test_nobody_sends_as_a_person_without_a_signature(fleet: Machines) -> None:
    [mac1, _] = fleet.add("mac1", "mac2")
    node = await mac1.open()
    with pytest.raises(BadInput, match="--as-me"):
        await node.messages.send("mac2", "I am your user", authority="human")
    with pytest.raises(BadInput, match="of no use"):
        await node.messages.send("mac2", "x", id=message_id(1, bytes(10)), signature="mine", signed_at=1)


async def test_what_a_person_signed_is_sent_for_the_time_that_was_signed(fleet: Machines, key: Key) -> None:
    [mac1, _] = fleet.add("mac1", "mac2")
    node = await mac1.open()
    now = int(node.clock.now())

    async def send(number: int, at: int, lifetime: float) -> str:
        id = message_id(number, bytes(10))
        made = to_sign(id=id, from_="mac1", to="mac2", type="context", at=at, lifetime=lifetime, body="go on")
        signature = key.sign(signed_words(made, node.members.fleet))
        how = {"id": id, "signature": signature, "signed_at": at, "expires_in": lifetime}
        return (await node.messages.send("mac2", "go on", **how)).id

    for at, lifetime in ((now - 100, 60.0), (now + 1_000, 30 * 86_400.0)):
        with pytest.raises(BadInput, match="sign it anew"):
            await send(1, at, lifetime)
    [row] = await node.store.outbox.get(await send(2, now - 100, 3_600.0))
    left = read(row.packet, Message)
    assert (left.created, left.expires, row.expires) == (now - 100, now + 3_500, now + 3_500)
    before = (await node.messages.verify(row.id)).reason
    await node.messages.retry(row.id)
    [again] = await node.store.outbox.get(row.id)
    assert again.expires == row.expires and (await node.messages.verify(row.id)).reason == before


async def _allowing(fleet: Machines, key: Key) -> Node:
    """mac2, which takes a person's words by this key, and one answer in a row of agents."""
    _, mac2 = fleet.add("mac1", "mac2")
    mac2.config = msgspec.structs.replace(mac2.config, budgets=BudgetSettings(hops=1))
    allow(mac2.home / "allowed_signers", f"ada {key.public}")
    return await mac2.open()


def _signed_now(node: Node, key: Key, number: int) -> Message:
    at = int(node.clock.now())
    return sign(key, now_message(node, id=message_id(number, bytes(10))), at, node.members.fleet)


async def test_a_captured_frame_starts_no_program_again_though_its_copies_come_at_once(
    fleet: Machines, key: Key, runs: list[str]
) -> None:
    mac2 = await _allowing(fleet, key)
    data = request(mac2, *(_signed_now(mac2, key, number) for number in (1, 2)))
    told = await asyncio.gather(*(ask(mac2, data) for _ in range(10)))
    told += [await ask(mac2, data) for _ in range(10)]
    assert sorted(status for status, _ in told) == [200] + [409] * 19
    for status, answer in told:
        assert [one.outcome for one in answer.answers] == ["stored" if status == 200 else "duplicate"] * 2
    assert runs == ["find-principals", "verify"] * 2
    assert [(row.authority, row.signer) for row in await mac2.store.inbox.listing(10)] == [("human", "ada")] * 2


async def test_a_message_that_is_here_is_not_proved_again(fleet: Machines, key: Key, runs: list[str]) -> None:
    mac2 = await _allowing(fleet, key)
    one = _signed_now(mac2, key, 1)
    for outcome in ("stored", "duplicate", "duplicate"):
        status, answer = await ask(mac2, request(mac2, one))
        assert (status, answer.answers[0].outcome) == (200, outcome)
    assert runs == ["find-principals", "verify"]


async def test_a_refused_message_is_not_proved_again_for_its_frame(fleet: Machines, key: Key, runs: list[str]) -> None:
    mac2 = await _allowing(fleet, key)
    one = msgspec.structs.replace(_signed_now(mac2, key, 1), body="changed", hops=2)
    data = request(mac2, one)
    assert (await ask(mac2, data))[1].answers[0].outcome == "refused"
    before = len(runs)
    assert [(await ask(mac2, data))[0] for _ in range(5)] == [409] * 5
    assert len(runs) == before > 0 and await mac2.store.inbox.listing(10) == []
