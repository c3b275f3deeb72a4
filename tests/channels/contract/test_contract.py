"""What every channel keeps to, whatever it is made of. The makers beside this file say how a peer of it is set up."""

import asyncio
import contextlib
import importlib
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from multifleet.channels.all import channels_of
from multifleet.channels.base import Carried, Channel, ChannelError, Success, Target
from multifleet.channels.connections import Connections
from multifleet.channels.nats import NatsChannel
from multifleet.channels.ssh_connections import SshConnections
from multifleet.config import NodeEntry
from multifleet.core.frame import FRAME_LIMIT
from multifleet.core.routing import CHANNELS
from tests.channels.contract.scene import Held, Letter, Maker, Peer, Recipient, Scene, wait_let_go
from tests.node.fleet import SOON, until
from tests.starved import starved

MAKERS = {
    name: importlib.import_module(f"tests.channels.contract.{name}").Maker
    for name in sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    if name in CHANNELS
}
CONDITIONS = ("working", "silent", "refusing", "impostor")
PATIENCE = 0.4
"""Seconds that a silent peer is waited for."""
ENDS_WITHIN = 1.0
"""Seconds that a channel may take to end once it is cancelled, without those in which it had no processor."""
TOLD = {Success.ANSWERED: "stored", Success.PARKED: "parked", Success.NUDGED: "nudged"}
HOSTILE = ("-oProxyCommand=touch pwned", "a;touch pwned", "$(touch pwned)", "x\ntouch pwned", "a" * 300, "../../pwned")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        yield Scene(tmp_path, stack)


def over_all(*conditions: str, carries: bool = False) -> pytest.MarkDecorator:
    """Run with the makers of all channels of which a peer can be in these conditions."""
    chosen = [
        name
        for name, made in MAKERS.items()
        if not set(conditions) & made.lacks.keys() and not (carries and CHANNELS[name].only_nudges)
    ]
    return pytest.mark.parametrize("maker", chosen, indirect=True)


@pytest.fixture
def maker(request: pytest.FixtureRequest, scene: Scene) -> Maker:
    """The channel under test."""
    made: Maker = MAKERS[request.param](scene)
    return made


async def meet(maker: Maker, scene: Scene, condition: str) -> tuple[Peer, Channel]:
    """A peer in this condition, and the channel that leads there, started."""
    peer: Peer = await getattr(maker, condition)()
    return peer, await maker.channel(scene.stack)


class Watch:
    """How long something takes, without what this process was kept from a processor meanwhile."""

    def __init__(self) -> None:
        self._began, self._starved = asyncio.get_running_loop().time(), starved(os.getpid())

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return asyncio.get_running_loop().time() - self._began - (starved(os.getpid()) - self._starved)


async def settled(channel: Channel) -> None:
    """Once a channel has all that it keeps: NATS opens its queue when it is connected already."""
    if isinstance(channel, NatsChannel):
        await until(lambda: channel._queue is not None)


def proves_it(letter: Letter, carried: Carried) -> bool:
    """Whether it came to what the channel may claim, with what belongs to that."""
    if carried.success is Success.ANSWERED:
        return letter.is_answered_by(carried)
    return carried.answer == b"" and carried.where != ""


def test_every_channel_of_a_node_has_a_maker() -> None:
    made = channels_of(Connections(), SshConnections())
    assert {channel.name for channel in made} | {"memory"} == set(MAKERS)


def test_each_maker_says_which_conditions_there_are_none_of() -> None:
    for name, made in MAKERS.items():
        assert made.name == name
        assert set(made.lacks) < set(CONDITIONS) and all(made.lacks.values())


@over_all("working")
async def test_a_frame_comes_to_the_peer_as_it_is_and_no_more_than_that_is_claimed(maker: Maker, scene: Scene) -> None:
    (peer, channel), letter = await meet(maker, scene, "working"), Letter.fresh()
    assert channel.reaches(peer.target) == ""
    carried = await channel.deliver(peer.target, letter.parcel)
    facts = CHANNELS[channel.name]
    assert TOLD[carried.success] in facts.success
    assert proves_it(letter, carried)
    if facts.shows_text:
        (shown,) = await peer.got()
        assert shown.count(letter.parcel.messages[0].body.encode()) == 1
    elif not facts.only_nudges:
        assert list(await peer.got()) == [letter.parcel.frame]


@over_all("working", carries=True)
async def test_one_after_the_other_and_many_at_once_all_arrive_and_take_no_more_and_more(
    maker: Maker, scene: Scene
) -> None:
    peer, channel = await meet(maker, scene, "working")
    letters = [Letter.fresh() for _ in range(8)]  # a relay keeps what is beyond six at once, for later
    for letter in letters[:3]:
        await channel.deliver(peer.target, letter.parcel)
    before = len(Held.now(scene).processes)
    ended = await asyncio.gather(*(channel.deliver(peer.target, letter.parcel) for letter in letters[3:]))
    assert all(proves_it(letter, carried) for letter, carried in zip(letters[3:], ended, strict=True))
    await until(lambda: len(Held.now(scene).processes) <= before)
    assert sorted(await peer.got()) == sorted(letter.parcel.frame for letter in letters)


@over_all("working", carries=True)
async def test_the_largest_frame_of_any_bytes_arrives_whole(maker: Maker, scene: Scene) -> None:
    peer, channel = await meet(maker, scene, "working")
    largest = getattr(maker, "largest", FRAME_LIMIT)
    room = largest - len(Letter.fresh(b"").parcel.frame) - 8
    letter = Letter.fresh((bytes(range(256)) * (room // 256 + 1))[:room])
    assert largest - 16 < len(letter.parcel.frame) <= largest
    assert proves_it(letter, await channel.deliver(peer.target, letter.parcel))
    assert list(await peer.got()) == [letter.parcel.frame]


@over_all("silent")
async def test_a_silent_peer_is_given_up_when_it_is_time_and_nothing_is_left_of_it(maker: Maker, scene: Scene) -> None:
    (peer, channel), letter = await meet(maker, scene, "silent"), Letter.fresh()
    before, watch = Held.now(scene), Watch()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await channel.deliver(peer.target, letter.parcel)
    assert watch.seconds < PATIENCE + ENDS_WITHIN
    await wait_let_go(scene, before)


@over_all("refusing")
async def test_a_refusal_is_told_in_one_line_and_is_no_unknown_outcome(maker: Maker, scene: Scene) -> None:
    (peer, channel), letter = await meet(maker, scene, "refusing"), Letter.fresh()
    before = Held.now(scene)
    with pytest.raises(ChannelError) as refused:
        async with asyncio.timeout(CHANNELS[maker.name].timeout):
            await channel.deliver(peer.target, letter.parcel)
    said = str(refused.value)
    assert not refused.value.unknown
    assert said and "\n" not in said and letter.nonce not in said
    assert list(await peer.got()) == []
    await wait_let_go(scene, before)


@over_all("impostor")
async def test_whoever_is_in_the_peers_place_is_not_believed(maker: Maker, scene: Scene) -> None:
    (peer, channel), letter = await meet(maker, scene, "impostor"), Letter.fresh()
    try:
        async with asyncio.timeout(CHANNELS[maker.name].timeout):
            carried = await channel.deliver(peer.target, letter.parcel)
    except ChannelError as refused:
        assert str(refused) and "\n" not in str(refused)
        return
    # What answers is for the node to check; no channel may say of a stranger's place that the frame lies well there.
    assert carried.success is Success.ANSWERED
    assert not letter.is_answered_by(carried)


@over_all("working", "silent")
@pytest.mark.parametrize("condition", ["working", "silent"])
async def test_cancelled_at_any_moment_it_leaves_no_process_file_or_connection(
    maker: Maker, scene: Scene, condition: str
) -> None:
    peer, channel = await meet(maker, scene, condition)
    if condition == "working":  # what it keeps for the next frame is no leftover
        await channel.deliver(peer.target, Letter.fresh().parcel)
        await channel.mend(peer.target)
        await settled(channel)
    before = Held.now(scene)
    for turns in (0, 1, 2, 3, 5, 9, 17, 33, 65):
        delivering = asyncio.create_task(channel.deliver(peer.target, Letter.fresh().parcel))
        for _ in range(turns):
            await asyncio.sleep(0)
        delivering.cancel()
        watch = Watch()
        await asyncio.wait([delivering], timeout=SOON)
        assert delivering.done() and watch.seconds < ENDS_WITHIN, f"after {turns} turns of the loop it did not end"
        if not delivering.cancelled():
            delivering.exception()
    if condition == "working":
        await channel.mend(peer.target)
    await wait_let_go(scene, before)
    if condition == "working":
        letter = Letter.fresh()
        assert proves_it(letter, await channel.deliver(peer.target, letter.parcel))


@over_all("working")
async def test_mended_it_says_what_was_done_and_works(maker: Maker, scene: Scene) -> None:
    (peer, channel), letter = await meet(maker, scene, "working"), Letter.fresh()
    await channel.deliver(peer.target, Letter.fresh().parcel)
    done = await channel.mend(peer.target)
    assert done and "\n" not in done
    assert proves_it(letter, await channel.deliver(peer.target, letter.parcel))


@over_all("working")
async def test_closed_it_gives_back_all_it_had(maker: Maker, scene: Scene) -> None:
    peer = await maker.working()
    before = Held.now(scene)
    async with AsyncExitStack() as stack:
        channel = await maker.channel(stack)
        await channel.deliver(peer.target, Letter.fresh().parcel)
    files = Held.now(scene).files  # what it wrote down for its next start
    await wait_let_go(scene, Held(before.processes, before.descriptors, before.tasks, files))


@over_all()
async def test_no_address_of_a_peer_runs_anything(maker: Maker, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scene.folder)
    channel = await maker.channel(scene.stack)
    before = Held.now(scene)
    for word in HOSTILE:
        entry = NodeEntry(host=word, user=word, lan_ip=word, mac_address=word)
        target = Target("mac2", (word, f"{word}:22"), entry)
        if not channel.reaches(target):
            with contextlib.suppress(ChannelError, TimeoutError):
                async with asyncio.timeout(2.0):
                    await channel.deliver(target, Letter.fresh().parcel)
        assert not list(scene.folder.rglob("*pwned*")), word
    await wait_let_go(scene, before)


def test_the_scene_tells_a_peer_from_an_impostor() -> None:
    letter = Letter.fresh()
    honest = Recipient().answer(letter.parcel.frame)
    assert letter.is_answered_by(Carried(Success.ANSWERED, honest))
    assert not Letter.fresh().is_answered_by(Carried(Success.ANSWERED, honest))
    assert not letter.is_answered_by(Carried(Success.ANSWERED, b"mf1 anything"))
