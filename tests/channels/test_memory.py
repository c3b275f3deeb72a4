"""The network in memory breaks in the ways in which real ones do."""

import asyncio

import pytest

from multifleet.channels.base import ChannelError, Parcel, Target
from multifleet.channels.memory import MemoryChannel, Network

MAC2 = Target("mac2", ())


@pytest.fixture
def network() -> Network:
    """mac2 alone, which answers."""
    heard: list[bytes] = []

    async def receive(frame: bytes) -> bytes:
        heard.append(frame)
        return b"%d" % len(heard)

    return Network(nodes={"mac2": receive})


async def test_a_severed_node_hears_nothing(network: Network) -> None:
    network.severed.add("mac2")
    with pytest.raises(ChannelError, match="no route"):
        await MemoryChannel(network).deliver(MAC2, Parcel(b"x"))
    network.severed.clear()
    assert (await MemoryChannel(network).deliver(MAC2, Parcel(b"x"))).answer == b"1"


async def test_a_node_whose_answers_are_lost_has_heard(network: Network) -> None:
    network.answers_lost.add("mac2")
    with pytest.raises(ChannelError) as failed:
        await MemoryChannel(network).deliver(MAC2, Parcel(b"x"))
    assert failed.value.unknown
    network.answers_lost.clear()
    assert (await MemoryChannel(network).deliver(MAC2, Parcel(b"x"))).answer == b"2"


async def test_towards_a_silent_node_frames_vanish(network: Network) -> None:
    network.silent.add("mac2")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await MemoryChannel(network).deliver(MAC2, Parcel(b"x"))
    network.silent.clear()
    assert (await MemoryChannel(network).deliver(MAC2, Parcel(b"x"))).answer == b"1"
