"""Whoever is put out is out everywhere, and gets nowhere with anything that it has."""

import asyncio

import pytest

from multifleet.core.receipts import State
from multifleet.errors import Revoked, UnknownNode
from tests.core.wire import identity
from tests.node.fleet import SOON, until
from tests.node.roster.joined import joined, known_to, let_in, revoke, settled
from tests.node.roster.signing import admission as signed_admission
from tests.node.roster.signing import revocation
from tests.node.served import Daemon, Daemons


async def test_a_revoked_machine_is_out_everywhere_and_hears_why(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "laptop")
    result = await mac1.node.revoke("laptop", "stolen", False, False)
    assert (result.how, result.told, result.stays, result.gone) == ("revoked", True, [], [])
    assert known_to(mac1) == {"mac1", "mac2"}
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    for daemon in (mac1, mac2):
        with pytest.raises(Revoked, match="laptop was revoked by mac1: stolen: nothing is sent to it"):
            await daemon.node.messages.send("laptop", "hello")
    await until(lambda: mac3.node.rostering.view.me_out is not None)
    with pytest.raises(Revoked, match="laptop was revoked by mac1: stolen"):
        await mac3.node.messages.send("mac1", "let me in")
    with pytest.raises(Revoked):
        await mac3.node.invite([mac3.address])
    await mac1.delivers("mac2")


async def test_what_was_on_its_way_to_a_revoked_machine_comes_back_with_the_reason(daemons: Daemons) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    await laptop.down()
    sent = [await daemon.node.messages.send("laptop", "hello") for daemon in (mac1, mac1, mac2)]
    result = await mac1.node.revoke("laptop", "stolen", False, False)
    assert (result.given_up, result.told) == (2, False)
    for daemon, one in zip((mac1, mac1, mac2), sent, strict=True):
        await daemon.node.messages.until(one.id, State.UNDELIVERABLE, SOON)
        story = await daemon.node.messages.trace(one.id, verify=True)
        assert story.state == "undeliverable"
        assert (story.reason or "").startswith("laptop was revoked by mac1: stolen")
        assert all(event.verified for event in story.events)
    with pytest.raises(Revoked, match="stolen"):
        await mac1.node.messages.retry(sent[0].id)
    assert "outbox of laptop" not in {task.get_name() for task in asyncio.all_tasks() if _is_of(task, mac1, mac2)}


def _is_of(task: "asyncio.Task[object]", *daemons: Daemon) -> bool:
    return any(task in daemon.node.outboxes._tasks.values() for daemon in daemons)


async def test_mail_of_a_revoked_sender_is_shown_to_no_session_and_still_read_by_a_person(daemons: Daemons) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    sent = await laptop.node.messages.send("mac2", "rm -rf /")
    await laptop.node.messages.wait(sent.id, State.STORED, SOON)
    await revoke(mac1, "laptop", "stolen")
    await until(lambda: mac2.node.rostering.put_out("laptop"))
    async with mac2.node.rostering._lock:
        (row,) = await mac2.node.store.inbox.listing(10)
    assert (row.state, row.detail) == ("refused", "laptop was revoked by mac1: stolen")
    assert await mac2.node.offering.waiting() == []
    assert (await mac2.node.messages.inbox(None, False, 10))[0].body == "rm -rf /"


async def test_a_revocation_holds_on_a_node_that_was_away_when_it_was_made(daemons: Daemons) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    await mac2.down()
    await revoke(mac1, "laptop", "stolen")
    await laptop.down()
    await mac2.up()
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    await laptop.up()
    with pytest.raises(Revoked):
        await mac2.node.messages.send("laptop", "hello")
    assert laptop.node.rostering.view.me_out is not None


async def test_who_comes_in_by_an_invitation_of_a_revoked_machine_is_not_in(daemons: Daemons) -> None:
    mac1, laptop = await joined(daemons, "mac1", "laptop")
    (mallory,) = await daemons.up("mallory")
    code = (await laptop.node.invite([laptop.address])).code
    await mac1.down()
    mac1.node.rostering.tell = lambda news: None
    await let_in_by(code, mallory)
    await mac1.up()
    # mac1 decides before it has heard of mallory.
    await revoke(mac1, "laptop", "stolen")
    await mac1.node.rostering.take(mallory.node.rostering.roster.documents(), "mallory")
    assert known_to(mac1) == {"mac1"}
    out = {one.node: one.how for one in (await mac1.node.roster_view()).out}
    assert out == {"laptop": "revoked", "mallory": "orphaned"}


async def let_in_by(code: str, joiner: Daemon) -> None:
    """By a code that was made before."""
    await joiner.node.join(code, [])


async def test_whom_a_revoked_machine_had_let_in_stays_unless_told_otherwise(daemons: Daemons) -> None:
    mac1, laptop = await joined(daemons, "mac1", "laptop")
    (mac3,) = await daemons.up("mac3")
    await let_in(laptop, mac3)
    await settled([mac1, laptop, mac3])
    result = await mac1.node.revoke("laptop", "", False, False)
    assert (result.stays, result.gone) == (["mac3"], [])
    result = await mac1.node.revoke("laptop", "", True, False)
    assert (result.stays, result.gone) == ([], ["mac3"])
    assert known_to(mac1) == {"mac1"}


async def test_captains_that_put_each_other_out_are_both_out_until_a_third_one_decides(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac3.down()
    one = mac1.node.rostering
    two = mac2.node.rostering
    first, second = one.view.members["mac2"], two.view.members["mac1"]
    stays = [mac3.node.rostering.key]
    documents = [
        revocation(mac1.node, first, "it is bad", stays, ()),
        revocation(mac2.node, second, "no, it is", stays, ()),
    ]
    await one.take(documents)
    await two.take(documents)
    assert (known_to(mac1), known_to(mac2)) == ({"mac1", "mac3"}, {"mac2", "mac3"})
    await mac3.up()
    await mac3.node.rostering.take(documents, "mac1")
    assert known_to(mac3) == {"mac3"}
    assert len((await mac3.node.roster_view()).disputes) == 2
    result = await mac3.node.revoke("mac2", "mac1 is right", False, False)
    assert (result.how, result.back) == ("revoked", ["mac1"])
    await until(lambda: known_to(mac3) == {"mac1", "mac3"})
    await mac3.delivers("mac1")
    await mac1.delivers("mac3")


async def test_who_went_out_with_its_admitter_may_still_put_out_the_captain_that_did_it(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac1.down()
    await mac3.down()
    theirs = mac3.node.rostering
    thefts = revocation(mac3.node, theirs.view.members["mac1"], "mine now")
    await mac2.node.rostering.take([thefts], "mac3")
    out = mac2.node.rostering.view.me_out
    assert out is not None and out.how == "orphaned"
    result = await mac2.node.revoke("mac3", "a thief", False, True)
    assert (result.how, result.back) == ("revoked", ["mac1", "mac2"])
    await mac1.up()
    await mac1.node.revoke("mac3", "a thief", False, True)
    await until(lambda: known_to(mac1) == known_to(mac2) == {"mac1", "mac2"})
    await mac2.delivers("mac1")


async def test_a_revoked_machine_comes_back_with_new_keys_under_its_old_name(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac3.delivers("mac1")
    await mac3.down()
    await revoke(mac1, "mac3", "set up anew")
    again = daemons.new("mac3", home="mac3-anew")
    await again.up()
    await let_in(mac1, again)
    await settled([mac1, mac2, again])
    await again.delivers("mac1")
    await mac1.delivers("mac3")
    await again.delivers("mac2")


async def test_a_full_disk_does_not_keep_a_thief_in(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    mac1, _, _ = await joined(daemons, "mac1", "mac2", "laptop")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("multifleet.node.roster.keeping.write_text", full)
        await revoke(mac1, "laptop")
    assert known_to(mac1) == {"mac1", "mac2"}
    assert mac1.node.counters.snapshot()["fleet_file_not_written"] >= 1
    await mac1.node.rostering.keep_file()
    assert not mac1.node._keeping.file_is_old


async def test_a_revoked_machine_gets_nowhere_with_anything_that_it_has(daemons: Daemons) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    thief = laptop.node
    member = thief.members.need("mac1")
    # It is not told, so that the thief's view stays what it was.
    await mac1.node.rostering.take([revocation(mac1.node, mac1.node.rostering.view.members["laptop"], "stolen")])
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    # Frames.
    asked = thief.exchange.request(member, [], [], 1)
    status, answer = await mac1.node.frames(asked.frame, "127.0.0.1")
    assert (status, answer) == (401, b"not for you to know\n")
    # Its documents, relayed by an honest member: it lets in, it puts out.
    relayed = [
        signed_admission(thief, "mallory", identity("mallory").public.hex()),
        revocation(thief, thief.rostering.view.members["mac2"], "revenge"),
    ]
    await mac2.node.rostering.take(relayed, "mac1")
    await mac1.node.rostering.take(relayed, "mac2")
    for daemon in (mac1, mac2):
        assert known_to(daemon) == {"mac1", "mac2"}
    # Joining again, with the same keys.
    await laptop.node.rostering.begin_afresh("0" * 32)
    with pytest.raises(Revoked, match=r"laptop was revoked by mac1: stolen\. It comes back only with new keys"):
        await laptop.node.join((await mac1.node.invite([mac1.address])).code, [])
    assert "mallory" not in known_to(mac1) | known_to(mac2)
    await mac1.delivers("mac2")


async def test_any_revocation_retires_the_shared_key(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", "a shared key of a test fleet")
    nodes = {name: {"host": "127.0.0.1", "port": 9, "role": "captain"} for name in ("mac1", "mac2", "mac3")}
    mac1 = daemons.new("mac1", nodes=nodes)
    await mac1.up()
    here = {"mac1": {"host": "127.0.0.1", "port": mac1.port, "role": "captain"}}
    mac2, mac3 = daemons.new("mac2", nodes=nodes | here), daemons.new("mac3", nodes=nodes | here)
    await mac2.up()
    await until(lambda: known_to(mac1) == known_to(mac2) == {"mac1", "mac2"})
    await mac1.delivers("mac2")
    await revoke(mac1, "mac2", "stolen")
    assert (await mac1.node.roster_view()).shared_key == "retired"
    await mac3.up()
    await until(lambda: mac1.node.counters.snapshot().get("hello_refused_retired"))
    assert known_to(mac1) == {"mac1"}
    with pytest.raises(UnknownNode):
        await mac1.node.messages.send("mac3", "hello")
