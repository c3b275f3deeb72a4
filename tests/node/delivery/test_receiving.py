"""What a node does with frames: each is answered with what is true of it, and a bad one leaves no trace but a count."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from multifleet.core import frame, inbox_share, packets
from multifleet.core.frame import REFUSALS, STRANGER, WINDOW, Refusal, seal
from multifleet.core.packets import Answer, Message, Request
from multifleet.core.receipts import state_it
from multifleet.errors import StoreUnavailable
from multifleet.node.delivery import shares
from multifleet.node.node import Node
from multifleet.store.inbox import Inbox
from tests.core.wire import KEYS, MAC1, MAC2, MAC3, message, pair
from tests.node.fleet import Machines, Time

BACK = pair(MAC2, MAC1)


@pytest.fixture
async def mac2(fleet: Machines) -> Node:
    """A node that knows mac1 and takes frames."""
    _, machine = fleet.add("mac1", "mac2")
    node = await machine.open()
    await node.seat_bind("api", str(fleet.folder), False)
    return node


_nonces = iter(range(1, 1_000_000))


def request(node: Node, *messages: Message | bytes, sent: float | None = None, **fields: Any) -> bytes:
    """A frame from mac1 with a fresh nonce."""
    raws = [msgspec.Raw(one if isinstance(one, bytes) else packets.write(one)) for one in messages]
    made = Request(**{"time": int(node.clock.now()), "have": 0, "packets": raws, **fields})
    return sealed(node, packets.write(made), sent)


def sealed(node: Node, packet: bytes, sent: float | None = None) -> bytes:
    """A frame from mac1 over any packet."""
    at = int(node.clock.now() if sent is None else sent)
    return seal(KEYS, "mac1", "mac2", at, next(_nonces).to_bytes(16, "big"), packet)


def now_message(node: Node, **fields: Any) -> Message:
    """A message that was written now."""
    now = int(node.clock.now())
    return message(**{"created": now, "expires": now + 600, "to": "mac2", **fields})


async def ask(node: Node, data: bytes) -> tuple[int, Answer]:
    """The status and the answer, which must be signed and for this very frame."""
    status, answered = await node.frames(data, "127.0.0.1")
    opened = frame.open_frame(answered, "mac1", lambda sender, kid: BACK if kid == BACK.kid else None, None)
    answer = packets.read(opened.packet, Answer)
    assert answer.re == frame.read_header(data).nonce
    return status, answer


async def test_a_message_is_stored_once_and_the_answer_says_so(mac2: Node) -> None:
    status, answer = await ask(mac2, request(mac2, now_message(mac2)))
    assert (status, answer.answers[0].outcome, answer.log[0].state) == (200, "stored", "stored")
    [row] = await mac2.store.inbox.listing(10)
    assert (row.body, row.sender, row.channel) == ("hello", "mac1", "http")


async def test_a_retry_is_a_duplicate_and_is_told_again(mac2: Node) -> None:
    one = now_message(mac2)
    await ask(mac2, request(mac2, one))
    status, answer = await ask(mac2, request(mac2, one))
    assert (status, answer.answers[0].outcome) == (200, "duplicate")
    assert [(said.id, said.state) for said in answer.log] == [(one.id, "stored")]
    assert len(await mac2.store.inbox.listing(10)) == 1


async def test_a_replay_is_told_from_a_retry_and_answered_with_the_true_state(mac2: Node) -> None:
    data = request(mac2, now_message(mac2))
    await ask(mac2, data)
    status, answer = await ask(mac2, data)
    assert (status, answer.refusal) == (409, Refusal.REPLAY)
    assert (answer.answers[0].outcome, answer.answers[0].reason) == ("duplicate", "stored")
    assert len(await mac2.store.inbox.listing(10)) == 1
    assert mac2.counters.snapshot()["frame_refused_replay"] == 1


async def test_a_replay_is_refused_after_a_restart_too(fleet: Machines) -> None:
    _, machine = fleet.add("mac1", "mac2")
    data = request(await machine.open(), now_message(machine.node))
    await ask(machine.node, data)
    await machine.stop()
    await machine.open()
    status, answer = await ask(machine.node, data)
    assert (status, answer.refusal) == (409, Refusal.REPLAY)


async def test_once_outside_the_window_a_replay_is_an_old_frame(fleet: Machines) -> None:
    _, machine = fleet.add("mac1", "mac2")
    node = await machine.open()
    data = request(node, now_message(node))
    await ask(node, data)
    machine.time.pass_(WINDOW + 2)
    status, answer = await ask(node, data)
    assert (status, answer.refusal) == (401, Refusal.OUTSIDE_WINDOW)
    assert abs(answer.time - node.clock.now()) < 2


def stranger(node: Node) -> bytes:
    """A frame of a node that is no member."""
    return seal(pair(MAC3, MAC2), "mac3", "mac2", int(node.clock.now()), bytes(16), b"{}")


def store_refuses(node: Node) -> bytes:
    """A good frame for a node whose disk is full."""

    async def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full: make room")

    node.store.inbox.receive = full  # type: ignore[method-assign,assignment]
    return request(node, now_message(node))


async def seen_before(node: Node) -> bytes:
    """A frame that was answered already."""
    data = request(node, now_message(node))
    await node.frames(data, "")
    return data


REFUSED: dict[Refusal, Callable[[Node], Any]] = {
    Refusal.TOO_LARGE: lambda node: b"x" * (frame.FRAME_LIMIT + 1),
    Refusal.MALFORMED: lambda node: b"{}",
    Refusal.UNKNOWN_SENDER: stranger,
    Refusal.BAD_MAC: lambda node: request(node)[:-1],
    Refusal.WRONG_RECIPIENT: lambda node: seal(KEYS, "mac1", "mac3", int(node.clock.now()), bytes(16), b"{}"),
    Refusal.OUTSIDE_WINDOW: lambda node: request(node, now_message(node), sent=node.clock.now() + WINDOW + 5),
    Refusal.NOT_SEALED: lambda node: _unsealed(node),
    Refusal.NOT_STRICT: lambda node: sealed(node, b'{"kind":"request","kind":"request","time":1,"have":0}'),
    Refusal.BAD_SCHEMA: lambda node: sealed(node, b'{"kind":"request","time":1}'),
    Refusal.REPLAY: seen_before,
    Refusal.STORE_UNAVAILABLE: store_refuses,
}


@pytest.mark.parametrize("refusal", Refusal)
async def test_each_refusal_has_its_status_its_counter_and_one_line(
    mac2: Node, refusal: Refusal, caplog: pytest.LogCaptureFixture
) -> None:
    made = REFUSED[refusal](mac2)
    data = await made if asyncio.iscoroutine(made) else made
    stored = len(await mac2.store.inbox.listing(10))
    with caplog.at_level(logging.WARNING, "multifleet"):
        if REFUSALS[refusal].signed:
            status, answer = await ask(mac2, data)
            assert answer.refusal == refusal
        else:
            status, words = await mac2.frames(data, "10.0.0.9")
            assert words == STRANGER
    assert status == REFUSALS[refusal].status
    assert mac2.counters.snapshot()[f"frame_refused_{refusal}"] == 1
    assert [record.message.split()[0] for record in caplog.records] == [f"frame_refused_{refusal}"]
    assert len(await mac2.store.inbox.listing(10)) == stored


async def test_strangers_are_all_told_the_same(mac2: Node) -> None:
    unsigned = [refusal for refusal in Refusal if REFUSALS[refusal].status == 401 and not REFUSALS[refusal].signed]
    answers = {await mac2.frames(REFUSED[refusal](mac2), "") for refusal in unsigned}
    assert answers == {(401, STRANGER)}


TURNED: dict[str, tuple[Callable[[Node], Message | bytes], str]] = {
    "another sender's name": (lambda node: now_message(node, from_="mac3"), "cannot speak for mac3"),
    "another recipient": (lambda node: now_message(node, to="mac3/api"), "not mac3"),
    "a seat that there is not": (lambda node: now_message(node, to="mac2/web"), "no seat 'web'"),
    "a body over the limit": (lambda node: now_message(node, body="ä" * 131_073), "256 KiB"),
    "an expiry in a year": (lambda node: now_message(node, expires=int(node.clock.now()) + 10**7 * 3), "30 days"),
    "an id with a newline": (
        lambda node: packets.write(now_message(node)).replace(b'000001"', b'000001\\n"'),
        "regex",
    ),
    "an address with a newline": (
        lambda node: packets.write(now_message(node)).replace(b'"mac2"', b'"mac2\\n"'),
        "regex",
    ),
    "a key twice": (lambda node: packets.write(now_message(node))[:-1] + b',"n":2}', "twice"),
    "too deep": (lambda node: b"[" * 99 + b"]" * 99, "nested"),
    "no message at all": (lambda node: b"17", "object"),
}


@pytest.mark.parametrize("name", TURNED)
async def test_a_bad_packet_refuses_only_itself(mac2: Node, name: str) -> None:
    make, reason = TURNED[name]
    good = now_message(mac2, id="00000000-0000-7000-8000-0000000000aa")
    status, answer = await ask(mac2, request(mac2, make(mac2), good))
    assert status == 200
    assert [one.outcome for one in answer.answers] == ["refused", "stored"]
    assert reason in answer.answers[0].reason
    assert [row.id for row in await mac2.store.inbox.listing(10)] == [good.id]
    assert mac2.counters.snapshot()["message_refused"] == 1


async def test_what_was_understood_and_turned_away_is_stated_in_the_receipt_log(mac2: Node) -> None:
    turned = now_message(mac2, to="mac2/web")
    _, answer = await ask(mac2, request(mac2, turned))
    [said] = answer.log
    assert (said.id, said.state) == (turned.id, "refused")
    assert "no seat 'web'" in said.detail


async def test_what_was_stored_before_is_not_turned_away_when_it_comes_again(mac2: Node) -> None:
    one = now_message(mac2, to="mac2/api")
    await ask(mac2, request(mac2, one))
    await mac2.seat_remove("api")
    _, answer = await ask(mac2, request(mac2, one))
    assert answer.answers[0].outcome == "duplicate"
    assert {said.state for said in answer.log} <= {"stored"}


async def test_other_programs_may_write_their_json_as_they_like(mac2: Node) -> None:
    raw = json.loads(packets.write(now_message(mac2)))
    document = {"packets": [raw], "have": 0, "attempt": 0, "time": int(mac2.clock.now()), "kind": "request"}
    status, answer = await ask(mac2, sealed(mac2, json.dumps(document, indent=2).encode()))
    assert (status, answer.answers[0].outcome) == (200, "stored")


async def test_a_forged_statement_moves_nothing(mac2: Node) -> None:
    sent = await mac2.messages.send("mac1", "hello")
    forged = state_it(
        KEYS.mac, "mac1", "mac2", seq=1, id=sent.id, state="seen", at=1.0, channel="", attempt=1, detail=""
    )
    status, _ = await ask(mac2, request(mac2, log=[forged]))
    assert status == 200
    assert (await mac2.messages.trace(sent.id)).state == "queued"
    assert mac2.counters.snapshot()["receipt_forged"] == 1


async def test_no_frame_makes_the_node_raise(mac2: Node) -> None:
    for packet in (b"", b"null", b"[]", b"\xff", b'{"kind":"answer"}', b'{"kind":"heartbeat","boot":"0","count":1}'):
        status, _ = await ask(mac2, sealed(mac2, packet))
        assert status == 400


async def test_neither_counters_nor_lines_carry_what_was_said(mac2: Node, caplog: pytest.LogCaptureFixture) -> None:
    canary = "CANARY-7f3a"
    with caplog.at_level(logging.DEBUG):
        for one in (
            now_message(mac2, body=canary, to="mac2/web"),
            now_message(mac2, body=canary, subject=canary, from_="mac3"),
            packets.write(now_message(mac2, body=canary))[:-1] + b',"n":2}',
            json.dumps({"body": canary}).encode(),
        ):
            await ask(mac2, request(mac2, one))
        data = request(mac2, now_message(mac2, body=canary))
        await ask(mac2, data)
        await ask(mac2, data)
        await mac2.frames(data[:-1], "")
    assert len(caplog.records) >= 5
    assert canary not in caplog.text
    assert canary not in str(mac2.counters.snapshot())
    for key in (MAC1.ed25519, MAC2.x25519, KEYS.mac, KEYS.seal):
        assert key.hex() not in caplog.text


async def test_two_frames_with_one_message_at_the_same_time_are_one_row(mac2: Node) -> None:
    one = now_message(mac2)
    answered = await asyncio.gather(*(ask(mac2, request(mac2, one)) for _ in range(20)))
    assert sorted(answer.answers[0].outcome for _, answer in answered) == ["duplicate"] * 19 + ["stored"]


async def test_the_same_frame_many_times_at_once_is_taken_once(mac2: Node) -> None:
    data = request(mac2, now_message(mac2))
    answered = await asyncio.gather(*(ask(mac2, data) for _ in range(20)))
    assert sorted(status for status, _ in answered) == [200] + [409] * 19


async def test_expiry_is_read_in_the_recipients_clock(fleet: Machines) -> None:
    _, machine = fleet.add("mac1", "mac2")
    machine.time = Time(wall_shift=600.0)
    node = await machine.open()
    # mac1 is ten minutes behind, knows that, and stamps the frame in mac2's time.
    theirs = int(node.clock.now()) - 600
    one = message(to="mac2", created=theirs, expires=theirs + 60)
    await ask(node, request(node, one, time=theirs))
    [row] = await node.store.inbox.listing(10)
    assert abs(row.expires - (node.clock.now() + 60)) < 3


async def test_a_frame_at_rest_needs_no_window_but_comes_once(mac2: Node, tmp_path: Path) -> None:
    mac2.store.created_at = 0.0
    data = request(mac2, now_message(mac2), sent=mac2.clock.now() - 10_000, time=int(mac2.clock.now()) - 10_000)
    assert (await mac2.receiving.take(data, "", "drop", at_rest=True))[0] == 200
    assert (await mac2.receiving.take(data, "", "drop", at_rest=True))[0] == 409
    assert len(await mac2.store.inbox.listing(10)) == 1
    assert isinstance(mac2.store.inbox, Inbox)


async def test_a_frame_at_rest_from_before_the_store_was_made_is_not_taken(mac2: Node) -> None:
    data = request(mac2, now_message(mac2), sent=mac2.store.created_at - 10)
    assert (await mac2.receiving.take(data, "", "drop", at_rest=True))[0] == 401
    assert await mac2.store.inbox.listing(10) == []


def _unsealed(node: Node) -> bytes:
    from multifleet.core.mac import digest

    text = f"mf1 mac1 mac2 {KEYS.kid} {int(node.clock.now())} {'0' * 32}".encode()
    return text + b" " + digest(KEYS.mac, text, b"\n", b"clear").hex().encode() + b"\nclear"


async def test_a_sender_over_its_share_is_told_so_in_words_and_what_is_here_is_still_known(
    mac2: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = now_message(mac2)
    await ask(mac2, request(mac2, one))
    monkeypatch.setattr(inbox_share, "SHARE", 2_000)
    monkeypatch.setattr(shares, "SHARE", 2_000)
    another = now_message(mac2, id="00000000-0000-7000-8000-000000000002")
    status, answer = await ask(mac2, request(mac2, another))
    assert (status, answer.refusal) == (507, Refusal.STORE_UNAVAILABLE)
    assert "of one sender" in answer.reason
    status, answer = await ask(mac2, request(mac2, one))
    assert (status, answer.answers[0].outcome) == (200, "duplicate")
    assert len(await mac2.store.inbox.listing(10)) == 1
