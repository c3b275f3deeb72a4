"""Whole nodes behind real doors: what the direct way does not carry goes through the chief."""

from functools import partial

from multifleet.core.receipts import State
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


async def test_a_message_and_its_receipts_go_through_the_chief(daemons: Daemons) -> None:
    _, mac1, mac2 = await fleet_of(daemons, "chief", "mac1", "mac2")
    await mac1.delivers("mac2", "by the relay")
    (row,) = await mac2.node.store.inbox.listing(10)
    assert (row.body, row.channel) == ("by the relay", "relay")


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
