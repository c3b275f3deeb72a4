"""What a person signed, between machines: proved where they are allowed, once, and for as long as was signed."""

import asyncio
from typing import Literal

import msgspec
import pytest

from multifleet.config import BudgetSettings
from multifleet.core.ids import message_id
from multifleet.core.packets import Message, read
from multifleet.core.person import signed_words, to_sign
from multifleet.core.receipts import State
from multifleet.errors import BadInput
from multifleet.node.node import Node
from multifleet.store.rows import OWN_ID
from tests.node.authority.persons_keys import Key, allow, sign
from tests.node.delivery.test_receiving import ask, now_message, request
from tests.node.fleet import Machine, Machines


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
