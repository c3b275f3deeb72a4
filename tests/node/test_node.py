"""What a user asks of a node beside its messages."""

from multifleet.core.receipts import State
from tests.node.fleet import Machines


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
    assert (healthy.last_error or "").endswith(("(600 s ago)", "(601 s ago)"))
