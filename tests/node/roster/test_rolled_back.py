"""A machine that has lost its store and has an old fleet.json asks the others before it believes in anybody."""

import asyncio

import pytest

from multifleet.node.roster import rounds
from multifleet.node.roster.exchange import RosterExchange
from tests.node.fleet import until
from tests.node.roster.joined import joined, known_to
from tests.node.served import Daemon, Daemons


async def rolled_back(daemons: Daemons) -> tuple[Daemon, Daemon, Daemon]:
    """mac1, which has put laptop out; mac2, which is down and has forgotten it; laptop, which was not told."""
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    await mac2.down()
    one = mac1.node.rostering
    await one.take(one.own.revocation(laptop.node.rostering.key, "stolen"))
    for part in mac2.home.glob("store.db*"):
        part.unlink()
    return mac1, mac2, laptop


async def test_a_revoked_machine_that_knocks_at_once_is_not_let_in(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2, laptop = await rolled_back(daemons)
    for number in range(3):
        await laptop.node.messages.send("mac2", f"let me in {number}")
    say = RosterExchange.answer
    asked = asyncio.Event()

    async def slowly(self: RosterExchange, *args: object) -> bytes:
        asked.set()
        if self.rostering is mac1.node.rostering:
            await until(lambda: mac2.node.counters.snapshot().get("frame_refused_store_unavailable"))
        return await say(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(RosterExchange, "answer", slowly)
    await mac2.up()
    assert mac2.node.rostering.may_be_behind and "laptop" in known_to(mac2)
    while not mac2.node.counters.snapshot().get("frame_refused_store_unavailable"):
        laptop.node.outbox_of("mac2").heard_again()
        await asyncio.sleep(0.02)
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    await until(lambda: not mac2.node.rostering.may_be_behind)
    laptop.node.outbox_of("mac2").heard_again()
    # Either it is turned away once more, or it has been told by then that it is out, and sends nothing any more.
    await until(
        lambda: mac2.node.counters.snapshot().get("frame_refused_unknown_sender")
        or laptop.node.counters.snapshot().get("expelled")
    )
    assert await mac2.node.store.inbox.listing(10) == []
    await mac1.delivers("mac2")


async def test_nobody_is_let_in_by_an_old_secret_meanwhile(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    _, mac2, _ = await rolled_back(daemons)
    monkeypatch.setattr(rounds.RosterRounds, "_catch_up", asyncio.Event().wait)
    await mac2.up()
    status, answer = await mac2.node.join_request(b"{}", "127.0.0.1")
    assert status == 507 and b"asks the others first who is out" in answer


async def test_where_nobody_answers_it_goes_on_with_what_it_knows_and_mends_it_later(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "CATCH_UP_SECONDS", 0.5)
    mac1, mac2, laptop = await rolled_back(daemons)
    await mac1.down()
    await mac2.up()
    await laptop.delivers("mac2")
    await mac1.up()
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})


async def test_who_has_its_store_asks_nobody_first(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    await mac2.down()
    await mac2.up()
    assert not mac2.node.rostering.may_be_behind
    await mac1.delivers("mac2")
