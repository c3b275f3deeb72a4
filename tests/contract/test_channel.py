"""What every channel promises, whichever it is: one suite over all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from multifleet.channels.base import Channel, ChannelError, Parcel, Success, Target
from multifleet.channels.http import HttpChannel
from multifleet.channels.memory import MemoryChannel, Network
from multifleet.core.routing import CHANNELS
from tests.channels.here import here
from tests.channels.web import ANSWER, Web, answers, is_silent, says, serving
from tests.ports import free_port

FRAME = b"mf1 a frame"


class World:
    """One channel, and a peer that can be made to behave in any way."""

    channel: Channel

    async def answering(self) -> Target:
        """A peer that answers."""
        raise NotImplementedError

    async def absent(self) -> Target:
        """A peer that is not there, and that is known at once."""
        raise NotImplementedError

    async def silent(self) -> Target:
        """A peer towards which frames vanish."""
        raise NotImplementedError

    async def losing_answers(self) -> Target:
        """A peer that takes frames and whose answers are lost."""
        raise NotImplementedError

    def connections(self) -> int:
        """How many are open to peers."""
        return 0


class MemoryWorld(World):
    """Over MemoryChannel."""

    def __init__(self) -> None:
        self.network = Network(nodes={"mac2": self._take})
        self.channel = MemoryChannel(self.network)

    async def _take(self, frame: bytes) -> bytes:
        return ANSWER + b" to " + frame

    async def answering(self) -> Target:
        return Target("mac2", ())

    async def absent(self) -> Target:
        self.network.severed.add("mac2")
        return Target("mac2", ())

    async def silent(self) -> Target:
        self.network.silent.add("mac2")
        return Target("mac2", ())

    async def losing_answers(self) -> Target:
        self.network.answers_lost.add("mac2")
        return Target("mac2", ())


class HttpWorld(World):
    """Over HttpChannel and servers of our own."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.channel = HttpChannel()
        self._stack = stack
        self._webs: list[Web] = []

    async def answering(self) -> Target:
        return await self._served(answers)

    async def absent(self) -> Target:
        return Target("mac2", (f"127.0.0.1:{free_port()}",))

    async def silent(self) -> Target:
        return await self._served(is_silent)

    async def losing_answers(self) -> Target:
        return await self._served(says(b""))

    def connections(self) -> int:
        return sum(web.opened - web.closed for web in self._webs)

    async def _served(self, serve: object) -> Target:
        self._webs.append(await self._stack.enter_async_context(serving(serve)))  # type: ignore[arg-type]
        return Target("mac2", (self._webs[-1].address,))


@pytest.fixture(params=["memory", "http"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Each channel in turn, started."""
    async with AsyncExitStack() as stack:
        made: World = MemoryWorld() if request.param == "memory" else HttpWorld(stack)
        await made.channel.start(stack, here())
        yield made


async def test_an_answer_is_handed_over_as_it_came(world: World) -> None:
    carried = await world.channel.deliver(await world.answering(), Parcel(FRAME))
    assert carried.success is Success.ANSWERED
    assert carried.answer == ANSWER + b" to " + FRAME
    assert carried.where


async def test_a_peer_that_is_not_there_is_known_at_once_and_certainly_did_not_get_it(world: World) -> None:
    async with asyncio.timeout(1.0):
        with pytest.raises(ChannelError) as failed:
            await world.channel.deliver(await world.absent(), Parcel(FRAME))
    assert failed.value.unknown is False
    assert str(failed.value)


async def test_a_lost_answer_is_an_unknown_outcome(world: World) -> None:
    with pytest.raises(ChannelError) as failed:
        await world.channel.deliver(await world.losing_answers(), Parcel(FRAME))
    assert failed.value.unknown is True


async def test_silence_lasts_until_it_is_cancelled_and_leaves_nothing_behind(world: World) -> None:
    target = await world.silent()
    tasks = len(asyncio.all_tasks())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await world.channel.deliver(target, Parcel(FRAME))
    await _until_no_connections(world)
    # A server's own task for a connection may still be ending; the channel has none.
    assert len(asyncio.all_tasks()) <= tasks + 1


async def test_a_channel_never_tries_again_by_itself(world: World) -> None:
    target = await world.losing_answers()
    with pytest.raises(ChannelError):
        await world.channel.deliver(target, Parcel(FRAME))
    if isinstance(world, HttpWorld):
        assert world._webs[0].requests == [FRAME]


async def test_many_frames_at_once_are_all_answered(world: World) -> None:
    target = await world.answering()
    frames = [f"mf1 {number}".encode() for number in range(50)]
    carried = await asyncio.gather(*(world.channel.deliver(target, Parcel(frame)) for frame in frames))
    assert [one.answer for one in carried] == [ANSWER + b" to " + frame for frame in frames]
    assert world.connections() <= 4


async def test_a_peer_that_comes_back_is_reached_again(world: World) -> None:
    with pytest.raises(ChannelError):
        await world.channel.deliver(await world.absent(), Parcel(FRAME))
    if isinstance(world, MemoryWorld):
        world.network.severed.clear()
    assert (await world.channel.deliver(await world.answering(), Parcel(FRAME))).success is Success.ANSWERED


async def test_when_the_stack_is_closed_no_connection_is_left() -> None:
    async with AsyncExitStack() as outer:
        world = HttpWorld(outer)
        async with AsyncExitStack() as stack:
            await world.channel.start(stack, here())
            await world.channel.deliver(await world.answering(), Parcel(FRAME))
            assert world.connections() == 1
        await _until_no_connections(world)


def test_every_channel_has_a_row_in_the_table_of_channels() -> None:
    assert {HttpChannel.name, MemoryChannel.name} <= set(CHANNELS)


async def _until_no_connections(world: World) -> None:
    async with asyncio.timeout(2.0):
        while world.connections():  # noqa: ASYNC110  no event tells it
            await asyncio.sleep(0.005)
