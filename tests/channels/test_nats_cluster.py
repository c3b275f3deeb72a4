"""A NATS cluster of the user's own: three real servers, of which the leader is killed in the middle of three hundred
messages."""

import asyncio
import os
import signal
from pathlib import Path

from multifleet.channels.base import ChannelError, Success
from tests.channels.nats_cluster import cluster, leader_of
from tests.channels.nats_fleet import Fleet, Node

MANY = 300


async def put(sender: Node, number: int) -> None:
    """Send one message to mac2 until it is answered or parked, as an outbox does."""
    while True:
        try:
            carried = await sender.send("mac2", f"mf1 {number}".encode(), (f"{number:032x}",))
        except ChannelError:
            await asyncio.sleep(0.1)
        else:
            assert carried.success in (Success.ANSWERED, Success.PARKED)
            return


async def test_a_cluster_that_loses_its_leader_loses_no_message(tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    fleet = Fleet(tmp_path, chief=None, members=["mac1", "mac2"])
    async with cluster(tmp_path / "nats") as servers, fleet.node("mac1", natsUrl=servers.urls) as first:
        await first.connected()
        assert first.channel._host.process is None
        info = (await first.channel._wire.ask(f"$JS.API.STREAM.INFO.MF_{'f' * 32}_mac1", b"", 2)).data  # type: ignore[union-attr]
        leader = leader_of(info)
        assert b'"num_replicas":3' in info

        async def many(start: int) -> None:
            for number in range(start, MANY, 16):
                await put(first, number)
                if number == MANY // 3:
                    os.kill(servers.servers[leader].pid, signal.SIGKILL)

        await asyncio.gather(*(many(start) for start in range(16)))
        async with fleet.node("mac2", natsUrl=servers.urls) as second:
            await second.has(MANY)
            assert {frame for frame, _ in second.got} == {f"mf1 {number}".encode() for number in range(MANY)}
            # The server that mac2 holds on to ends as well: it goes to the one that is left, which can answer.
            await servers.start(leader)
            used = servers.name_at(int(second.channel._wire.server.name.rpartition(":")[2]))  # type: ignore[union-attr]
            os.kill(servers.servers[used].pid, signal.SIGKILL)
            async with asyncio.timeout(10):
                await second.channel._wire.closed.wait()  # type: ignore[union-attr]
                await second.connected(queue=False)
                while (await answered(first)) is not Success.ANSWERED:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)


async def answered(sender: Node) -> Success | None:
    """Whether mac2 answers now."""
    try:
        return (await sender.send("mac2", b"mf1 again", ("e" * 32,))).success
    except ChannelError:
        return None
