"""Whole nodes behind real doors: what the direct way does not carry goes through the chief."""

import asyncio
from functools import partial

from multifleet.core.packets import BODY_LIMIT
from multifleet.core.receipts import State
from multifleet.core.relay_packets import Held, packed
from tests.node.fleet import SOON, until
from tests.node.served import Daemon, Daemons

WITHOUT_HTTP = {"channels": {"off": ["http"]}}


async def fleet_of(daemons: Daemons, *names: str) -> list[Daemon]:
    """Served and joined; none of them but the first, the chief, speaks directly to another."""
    made = [daemons.new(names[0])]
    made += [daemons.new(name, nodes={other: WITHOUT_HTTP for other in names[1:]}) for name in names[1:]]
    for daemon in made:
        await daemon.up()
    chief = made[0]
    for daemon in made[1:]:
        await daemon.node.join((await chief.node.invite([chief.address])).code, [])
    for daemon in made:
        await until(partial(knows_all, daemon, names))
    return made


def knows_all(daemon: Daemon, names: tuple[str, ...]) -> bool:
    return {member.node for member in daemon.node.members.others()} == set(names) - {daemon.name}


async def test_a_message_and_its_receipts_go_through_the_chief_and_then_there_is_silence(daemons: Daemons) -> None:
    chief, mac1, mac2 = await fleet_of(daemons, "chief", "mac1", "mac2")
    await mac1.delivers("mac2", "by the relay")
    (row,) = await mac2.node.store.inbox.listing(10)
    assert (row.body, row.channel) == ("by the relay", "relay")
    await mac1.delivers("mac2", '"' * BODY_LIMIT)
    async with asyncio.timeout(SOON):
        passed = -3
        while (now := chief.node.counters.snapshot()["relay_passed_on"]) > passed + 2:
            passed = now
            await asyncio.sleep(0.3)


async def test_mail_rests_at_the_chief_through_its_restart_and_arrives_once(daemons: Daemons) -> None:
    chief, mac1, mac2 = await fleet_of(daemons, "chief", "mac1", "mac2")
    await mac2.down()
    sent = await mac1.node.messages.send("mac2", "later")
    story = await mac1.node.messages.wait(sent.id, State.SENT, SOON)
    assert "relay chief" in [event.detail for event in story.events], story
    await chief.vanish()
    await mac1.down()
    await chief.up()
    assert (await chief.node.store.relayed.kept()).frames >= 1
    await mac2.up()
    await until(lambda: mac2.node.counters.snapshot().get("messages_received"))
    assert [row.body for row in await mac2.node.store.inbox.listing(10)] == ["later"]
    await mac1.up()
    story = await mac1.node.messages.wait(sent.id, State.STORED, SOON)
    assert story.reached, story


async def test_a_relay_that_brings_all_again_backwards_and_much_later_brings_nothing_new(
    daemons: Daemons,
) -> None:
    chief, mac1, mac2 = await fleet_of(daemons, "chief", "mac1", "mac2")
    await mac2.down()
    for number in range(3):
        sent = await mac1.node.messages.send("mac2", f"{number}", thread="t")
        await mac1.node.messages.wait(sent.id, State.SENT, SOON)
    kept = await chief.node.store.relayed.waiting("mac2", 64, 1 << 20)
    frames = [Held(mark=row.mark, frame=packed(row.frame)) for row in reversed(kept)]
    await mac2.up()
    await until(lambda: mac2.node.counters.snapshot().get("messages_received") == 3)
    mac2.node.store.nonces.prune_later(1 << 40)
    for _ in range(2):
        taken = await chief.node.relaying.bring("mac2", [*frames, *frames], 5)
        assert all(one.done for one in taken)
    assert sorted(row.body for row in await mac2.node.store.inbox.listing(10)) == ["0", "1", "2"]
    assert mac2.node.counters.snapshot()["messages_received"] == 3
