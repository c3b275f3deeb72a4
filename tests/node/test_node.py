"""What a user asks of a node beside its messages."""

import asyncio
import re
import sqlite3
import time
from pathlib import Path

import msgspec
import pytest

from multifleet import __version__
from multifleet.core.receipts import State
from multifleet.errors import UnknownNode
from multifleet.operations.views import MemberView
from multifleet.store import opening
from tests.core.wire import identity
from tests.node.fleet import SOON, Machines, pinned
from tests.node.served import Daemons


async def test_status_says_that_a_damaged_store_was_set_aside_until_the_file_is_gone(fleet: Machines) -> None:
    (mac1,) = await fleet.started("mac1")
    assert (await mac1.node.status()).degraded is None
    await mac1.stop()
    (mac1.home / "store.db").write_bytes(b"no database at all" * 400)
    await mac1.start()
    [aside] = [path for path in mac1.home.glob("store.db.damaged-*") if not path.name.endswith(("-wal", "-shm"))]
    for _ in range(2):
        said = (await mac1.node.status()).degraded or ""
        assert aside.name in said and "messages and seats" in said and "multifleet doctor" in said
        await mac1.restart()
    aside.unlink()
    assert (await mac1.node.status()).degraded is None


async def test_why_a_channel_failed_is_told_with_its_age(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.start()
    began = time.monotonic()
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.QUEUED)
    while not (failed := (await mac1.node.channels_view("mac2"))[0].last_error):
        await mac1.node.messages.wait(sent.id, None, 0.05, 99)
    assert failed.endswith(" s ago)")
    await mac2.start()
    mac1.node.outbox_of("mac2").heard_again()
    await mac1.wait(sent.id, State.STORED)
    mac1.time.pass_(600)
    [healthy] = await mac1.node.channels_view("mac2")
    told = re.search(r"\((\d+) s ago\)$", healthy.last_error or "")
    assert told and 600 <= int(told[1]) <= 600 + time.monotonic() - began + 1


async def test_the_picture_of_300_members_costs_a_few_questions_to_the_store(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def connect(path: Path) -> sqlite3.Connection:
        connection = opening.connect_reader(path)
        connection.set_trace_callback(asked.append)
        return connection

    monkeypatch.setattr("multifleet.store.database.connect_reader", connect)
    (mac1,) = fleet.add("mac1")
    mac1.pinned = [pinned(identity(f"node-{number}"), ("192.0.2.1:8855",)) for number in range(299)]
    node = await mac1.open()
    await node.status()
    asked.clear()
    began = time.process_time()  # others may have the processor meanwhile
    view = await node.status()
    encoded = msgspec.json.encode(view)
    assert time.process_time() - began < 1.0, "it should be far below 0.1 s"
    assert len(view.members) == 300
    assert len(asked) <= 5, asked
    assert len(encoded) < 300 * 1024
    asked.clear()
    assert len((await node.peers_view()).peers) == 299
    assert len(asked) <= 2, asked


async def test_the_picture_has_this_node_first_and_the_others_by_name(fleet: Machines) -> None:
    mac2, *_ = await fleet.started("mac2", "mac3", "mac1")
    view = await mac2.node.status()
    assert [member.node for member in view.members] == ["mac2", "mac1", "mac3"]
    assert (view.members[0].how, view.members[0].version, view.members[0].sessions) == ("this node", __version__, 0)
    assert view.members[0].key == mac2.identity.public.hex()[:16]
    assert view.problems == () and view.chief is not None


async def test_messages_that_wait_stand_beside_their_recipient(fleet: Machines) -> None:
    mac1, _ = fleet.add("mac1", "mac2")
    await mac1.start()
    for body in ("one", "two"):
        await mac1.node.messages.send("mac2", body)
    view = await mac1.node.status()
    assert (view.outbox, [member.waiting for member in view.members]) == (2, [0, 2])
    assert [peer.waiting for peer in (await mac1.node.peers_view("mac2")).peers] == [2]
    with pytest.raises(UnknownNode, match="mac9"):
        await mac1.node.peers_view("mac9")


async def test_who_watches_is_told_of_a_change_at_once(fleet: Machines) -> None:
    mac1, _ = fleet.add("mac1", "mac2")
    await mac1.start()
    known = (await mac1.node.status()).revision
    watching = asyncio.create_task(mac1.node.changed(known, SOON))
    await mac1.node.messages.send("mac2", "hello")
    await asyncio.wait_for(watching, SOON)
    assert (await mac1.node.status()).revision != known
    await asyncio.wait_for(mac1.node.changed(known, SOON), SOON / 2)
    await mac1.node.changed((await mac1.node.status()).revision, 0.0)


async def test_who_watches_is_told_of_mail_and_that_it_was_read(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.start()
    await mac2.start()
    view = await mac2.node.status()
    sent = await mac1.node.messages.send("mac2", "hello")
    async with asyncio.timeout(SOON):
        while view.unread == 0:
            await mac2.node.changed(view.revision, SOON)
            view = await mac2.node.status()
    watching = asyncio.create_task(mac2.node.changed(view.revision, SOON))
    await mac2.node.messages.read(sent.id)
    await asyncio.wait_for(watching, SOON / 2)
    assert (await mac2.node.status()).unread == 0


async def test_whoever_was_revoked_is_shown_as_such_and_sees_it_itself(daemons: Daemons) -> None:
    mac1, mac2, thief = await daemons.up("mac1", "mac2", "thief")
    for other in (mac2, thief):
        await other.node.join((await mac1.node.invite([mac1.address])).code, [])
    await mac1.node.revoke("thief", "stolen \x1b[31m", False, False)
    async with asyncio.timeout(SOON):
        for node in (mac1.node, mac2.node):
            while (view := (await node.status())).members[-1].state != "revoked":
                await node.changed(view.revision, 0.5)
            assert [member.node for member in view.members][-1] == "thief"
            assert (view.members[-1].how or "").startswith("by mac1: stolen")
            assert view.degraded is None
        while not (said := (await thief.node.status()).degraded):
            await thief.node.changed((await thief.node.status()).revision, 0.5)
    assert "was revoked by mac1" in said
    [finding] = (await thief.node.doctor(["peers"])).checks
    assert (finding.level, "was revoked by mac1" in finding.says) == ("fail", True)


async def test_the_picture_follows_a_peer_that_goes_and_comes_back(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    await mac2.node.join((await mac1.node.invite([mac1.address])).code, [])

    async def seen(state: str) -> MemberView:
        async with asyncio.timeout(SOON):
            while True:
                known = (await mac1.node.status()).revision
                [peer] = (await mac1.node.peers_view("mac2")).peers
                if peer.state == state and (peer.version or state != "alive"):
                    return peer
                await mac1.node.changed(known, 0.5)

    alive = await seen("alive")
    assert (alive.addresses[0], alive.version, alive.sessions) == (mac2.address, __version__, 0)
    assert alive.load is not None and alive.disk_free and alive.facts_at and alive.since
    await mac2.vanish()
    dead = await seen("dead")
    assert "unanswered" in (dead.how or "") and dead.version == __version__
    await mac2.up()
    back = await seen("alive")
    assert back.apart and back.apart.until and back.apart.since == pytest.approx(dead.since, abs=0.5)
