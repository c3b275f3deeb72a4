"""What becomes of mail when a name passes from one key to another, on whole nodes over real HTTP."""

from collections.abc import Sequence

import pytest

from multifleet.core.documents import Leave, Signed, sign
from multifleet.core.receipts import State
from multifleet.errors import KeyChanged, StoreUnavailable
from multifleet.node.roster.fleet_file import read_fleet, write_fleet
from tests.node.fleet import until
from tests.node.roster.joined import joined
from tests.node.roster.signing import admission, revocation
from tests.node.served import Daemon, Daemons

HOWS = ["left", "revoked"]


async def succession(
    daemons: Daemons, how: str, daemon: Daemon, old: Daemon, by: Daemon
) -> tuple[Daemon, Sequence[Signed]]:
    """A new machine named as `old`, and the documents by which it takes its place, as they come in one page."""
    new = daemons.new(old.name, home=f"{old.name}-anew")
    await new.up()
    fleet, identity = by.node.members.fleet, old.node.members.identity
    key, known = identity.public.hex(), by.node.rostering
    if how == "left":
        at = int(by.node.clock.now() * 1000) + 10
        gone = sign(identity, Leave(fleet=fleet, node=old.name, key=key, at=at))
    else:
        gone = revocation(by.node, known.view.members[old.name], "stolen")
    back = admission(by.node, old.name, new.node.rostering.key)
    documents = [gone, back, new.node.rostering.own.card()]
    row = daemon.node.members.need(by.name).row
    await new.node.rostering.enter(fleet, daemon.node.rostering.view.anchors(), [back], row)
    return new, documents


def words(how: str) -> str:
    return "laptop left the fleet" if how == "left" else "laptop was revoked by mac1: stolen"


@pytest.mark.parametrize("how", HOWS)
async def test_mail_for_a_machine_that_is_out_does_not_go_to_the_next_one_of_its_name(
    daemons: Daemons, how: str
) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    await laptop.node.messages.send("mac2", "from the first laptop")
    await until(lambda: mac2.node.counters.snapshot().get("messages_received"))
    await laptop.down()
    sent = await mac2.node.messages.send("laptop", "for the first laptop")
    new, documents = await succession(daemons, how, mac2, laptop, mac1)
    await mac2.node.rostering.take(documents)
    story = await mac2.node.messages.trace(sent.id, verify=True)
    assert (story.state, (story.reason or "").startswith(words(how))) == ("undeliverable", True)
    (received,) = await mac2.node.store.inbox.listing(10)
    assert received.state == ("stored" if how == "left" else "refused")
    [listed] = await mac2.node.messages.inbox(None, False, 10)
    assert listed.sender_key == laptop.node.rostering.key[:16], "it is told from what the next one of its name sends"
    # What is said from now on is said to the new one, and nothing else ever is.
    await mac2.delivers("laptop", "for the second laptop")
    assert [row.body for row in await new.node.store.inbox.listing(10)] == ["for the second laptop"]
    await new.delivers("mac2", "from the second laptop")
    keys = {one.body: one.sender_key for one in await mac2.node.messages.inbox(None, False, 10)}
    assert keys == {"from the first laptop": listed.sender_key, "from the second laptop": None}
    with pytest.raises(KeyChanged, match="laptop is another machine now than when this was written"):
        await mac2.node.messages.retry(sent.id)
    with pytest.raises(KeyChanged, match="laptop is another machine now than the one that wrote this"):
        await mac2.node.messages.reply(listed.id, "for the first laptop")
    assert mac2.node.counters.snapshot()["name_has_another_key"] == 1
    await mac2.down()
    await mac2.up()
    for shown in (await mac2.node.status()).problems, (await mac2.node.roster_view()).disputes:
        assert [one.startswith(f"{words(how)}, and another machine has its name since") for one in shown] == [True]


@pytest.mark.parametrize("how", HOWS)
async def test_the_same_where_it_is_learned_at_a_start(daemons: Daemons, how: str) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    await laptop.node.messages.send("mac2", "from the first laptop")
    await until(lambda: mac2.node.counters.snapshot().get("messages_received"))
    await laptop.down()
    sent = await mac2.node.messages.send("laptop", "for the first laptop")
    new, documents = await succession(daemons, how, mac2, laptop, mac1)
    await mac2.down()
    fleet = read_fleet(mac2.home)
    assert fleet is not None
    rows = [member.row for member in mac1.node.members.others() if member.node == "mac2"]
    write_fleet(mac2.home, fleet.fleet, rows, fleet.anchors or {}, [*fleet.documents, *documents])
    await mac2.up()
    story = await mac2.node.messages.trace(sent.id, verify=True)
    assert (story.state, (story.reason or "").startswith(words(how))) == ("undeliverable", True)
    (received,) = await mac2.node.store.inbox.listing(10)
    assert received.state == ("stored" if how == "left" else "refused")
    await mac2.delivers("laptop", "for the second laptop")
    assert [row.body for row in await new.node.store.inbox.listing(10)] == ["for the second laptop"]


async def test_the_next_one_does_not_get_the_name_before_that_is_written(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    await laptop.down()
    sent = await mac2.node.messages.send("laptop", "for the first laptop")
    _, documents = await succession(daemons, "revoked", mac2, laptop, mac1)

    async def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(mac2.node.endings, "give_up", full)
        await mac2.node.rostering.take(documents)
        assert mac2.node.members.get("laptop") is None
        assert mac2.node.counters.snapshot()["name_not_free_yet"] >= 1
    await mac2.down()
    await mac2.up()
    assert (await mac2.node.messages.trace(sent.id)).state == "undeliverable"
    await mac2.delivers("laptop", "for the second laptop")


async def test_a_message_is_sealed_for_the_key_that_its_name_had_when_it_was_accepted(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    await mac2.down()
    sent = await mac1.node.messages.send("mac2", "for another")
    await mac1.node.messages.until(sent.id, State.QUEUED, 5)
    (row,) = await mac1.node.store.outbox.get(sent.id)
    assert row.peer_key == mac2.node.rostering.key
    outbox = mac1.node.outbox_of("mac2")
    await until(lambda: outbox.failing and not outbox._in_flight)
    for waiting in [one for tier in outbox._queue.tiers for one in tier]:
        waiting.key = "0" * 64
    await mac2.up()
    await mac1.node.messages.wait(sent.id, State.UNDELIVERABLE, 10)
    story = await mac1.node.messages.trace(sent.id)
    assert (story.state, story.reason) == ("undeliverable", "mac2 is another machine now than when this was written")
    assert await mac2.node.store.inbox.listing(10) == []
    await mac1.delivers("mac2", "for mac2")


async def test_one_captain_gone_bad_does_not_empty_the_outboxes_of_those_that_it_makes_orphans(
    daemons: Daemons,
) -> None:
    mac1, mac2, mac3, bad = await joined(daemons, "mac1", "mac2", "mac3", "bad")
    for daemon in (mac1, mac3, bad):
        await daemon.down()
    sent = await mac2.node.messages.send("mac3", "wait for it")
    await mac2.node.rostering.take([revocation(bad.node, bad.node.rostering.view.members["mac1"], "mine now")])
    assert {out.node: out.how for out in mac2.node.rostering.view.out.values()} == {
        "mac1": "revoked",
        "mac2": "orphaned",
        "mac3": "orphaned",
    }
    assert (await mac2.node.messages.trace(sent.id)).state == "queued"
    # Who strikes back against the one that put out its admitter undoes what that one did, without being told to.
    result = await mac2.node.revoke("bad", "a thief", False, False)
    assert (result.how, result.back) == ("revoked", ["mac1", "mac2", "mac3"])
    await mac3.up()
    await until(lambda: mac3.node.rostering.view.out)
    await mac3.node.revoke("bad", "a thief", False, False)
    story = await mac2.node.messages.wait(sent.id, State.STORED, 10)
    assert story.reached, story


async def test_who_leaves_is_told_that_it_was_itself_that_left(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    await mac1.down()
    sent = await mac2.node.messages.send("mac1", "too late")
    left = await mac2.node.leave()
    assert left.given_up == 1
    story = await mac2.node.messages.trace(sent.id)
    assert (story.state, story.reason) == ("undeliverable", "this machine left the fleet of mac1")
