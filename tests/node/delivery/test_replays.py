"""A3: the very same bytes again, by the channel that carried them and by every other one: at once, after a restart, and
when it is too late. The message is there once and offered once, and nobody is told anything that is not so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import msgspec
import pytest

from multifleet.channels import wake
from multifleet.channels.base import Parcel
from multifleet.channels.segments import Segment
from multifleet.core import asks, packets
from multifleet.core.asks import Ask
from multifleet.core.frame import WINDOW, read_header
from multifleet.core.packets import Answer
from multifleet.core.receipts import State
from multifleet.core.wake_packets import WakeAsk
from tests.channels.sshd import Sshd
from tests.node.delivery.ways import Ways, ways_in
from tests.node.fleet import Machines, until
from tests.node.served import Daemons

CARD = "02:00:00:00:00:11"
WHILE_IT_IS_AWAY = {"nats": State.SENT, "relay": State.SENT, "ssh": State.STORED}
"""Channels that keep a frame for one that is away, or need no daemon there: the queue, the relay's shelf, `receive`."""
WHILE_IT_IS_UP = ("http", "nats", "relay", "seed", "ssh", "git")
ANSWER = ("http", "nats", "relay", "ssh")
"""Channels on which the same bytes get an answer at once."""


async def _left_as_files(ways: Ways, parcels: Sequence[Parcel]) -> None:
    for parcel in parcels:
        await ways.carry("seed", parcel)


async def _left_in_git(ways: Ways, parcels: Sequence[Parcel]) -> None:
    await asyncio.gather(*(ways.carry("git", parcel) for parcel in parcels))
    await ways.fetch_letters()


async def _put_into_the_queue(ways: Ways, parcels: Sequence[Parcel]) -> None:
    await ways.put_into_queue(*(parcel.frame for parcel in parcels))


async def _brought_by_the_relay(ways: Ways, parcels: Sequence[Parcel]) -> None:
    for parcel in parcels:
        await ways.bring_by_relay(parcel.frame)


AT_REST: Mapping[str, Callable[[Ways, Sequence[Parcel]], Awaitable[None]]] = {
    "seed": _left_as_files,
    "git": _left_in_git,
    "nats queue": _put_into_the_queue,
    "relay's shelf": _brought_by_the_relay,
}
"""Ways by which the same bytes are found, and nobody waits for an answer."""


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd.make(tmp_path_factory.mktemp("sshd") / "of").running() as server:
        yield server


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The cards for which packets were sent."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    sent: list[str] = []

    async def send(segment: Segment, mac: bytes, count: int) -> None:
        sent.append(mac.hex(":"))

    here = Segment(IPv4Address("127.0.0.9"), IPv4Network("127.0.0.0/8"))
    monkeypatch.setattr(wake, "segments", lambda: [here])
    monkeypatch.setattr(wake, "send_magic", send)
    return sent


async def carried(ways: Ways) -> dict[str, str]:
    """One message by every channel, each seen by the session: the message's text and its id."""
    sent: dict[str, str] = {}
    await ways.mac2.down()
    await until(lambda: not ways.mac1.node.presence.is_there("mac2"))
    for channel, state in WHILE_IT_IS_AWAY.items():
        text = f"<{channel} while it is away>"
        sent[text] = await ways.send(channel, text, state)
    await ways.mac2.up()
    await ways.connected()
    for id in sent.values():
        await ways.wait(id, State.ANSWERED)  # before anything is open by which it might go again
    for channel in WHILE_IT_IS_UP:
        text = f"<{channel}>"
        sent[text] = await ways.send(channel, text, State.SENT if channel == "git" else State.STORED)
        if channel == "git":
            await ways.fetch_letters()
        await ways.wait(sent[text], State.ANSWERED)
    return sent


def a_question(ways: Ways) -> Parcel:
    """mac1 wants mac2 to wake somebody."""
    node = ways.mac1.node
    question = WakeAsk(node="chief", send=True)
    body = msgspec.Raw(packets.write(question))
    ask = Ask(time=int(node.clock.now()), what=question.word(), body=body)
    return Parcel(node.exchange.ask(node.members.need("mac2"), ask)[0])


async def told(ways: Ways, channel: str, parcel: Parcel) -> str:
    """The word of the signed refusal that these bytes get now; empty where they are not refused."""
    carried = await ways.carry(channel, parcel)
    nonce, member = read_header(parcel.frame).nonce, ways.mac1.node.members.need("mac2")
    answer = ways.mac1.node.exchange.open_told(member, nonce, carried.answer, asks.read_told)
    if answer.refusal == "replay" and isinstance(answer, Answer):
        assert [(one.id, one.outcome) for one in answer.answers] == [(id, "duplicate") for id in parcel.ids]
    return answer.refusal


async def found(ways: Ways, way: str, parcels: Sequence[Parcel], counter: str) -> None:
    """These bytes are found, and each of them is counted so."""
    before = ways.counted(counter)
    await AT_REST[way](ways, parcels)
    await until(lambda: ways.counted(counter) >= before + len(parcels))


async def all_are_replays(ways: Ways, question: Parcel, messages: Sequence[Parcel], by_ssh: Sequence[Parcel]) -> None:
    """Everything again, by every way; over SSH, which takes a process for each, what is named."""
    for channel in ANSWER:
        again = (question, *(by_ssh if channel == "ssh" else messages))
        refusals = {parcel.ids: await told(ways, channel, parcel) for parcel in again}
        assert set(refusals.values()) == {"replay"}, (channel, refusals)
    for way in AT_REST:
        await found(ways, way, [question], "ask_refused_replay")
        await found(ways, way, messages, "frame_refused_replay")


async def stories(ways: Ways, sent: Mapping[str, str]) -> dict[str, list[tuple[object, ...]]]:
    """All that the sender was told of each message."""
    traced = {text: await ways.mac1.node.messages.trace(id) for text, id in sent.items()}
    return {
        text: [(event.state, event.by, event.at, event.channel, event.detail) for event in story.events]
        for text, story in traced.items()
    }


@pytest.mark.parametrize("at_rest", [False, True], ids=["by one that answers", "by one that keeps"])
async def test_where_the_same_bytes_are_quicker_by_another_way_the_sender_is_told_by_which(
    fleet: Machines, at_rest: bool
) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    directly = fleet.network.nodes["mac2"]

    async def overtaken(frame: bytes) -> bytes:
        _, answer = await mac2.node.receiving.take(frame, "", "relay", at_rest=at_rest)
        if not await mac2.bodies():
            return answer  # what the daemons ask each other may come first
        fleet.network.nodes["mac2"] = directly
        return await directly(frame)

    fleet.network.nodes["mac2"] = overtaken
    sent = await mac1.node.messages.send("mac2", "hello")
    story = await mac1.wait(sent.id, State.STORED)
    assert [(event.state, event.channel) for event in story.events][-1] == ("stored", "relay")
    await until(lambda: mac2.node.counters.snapshot().get("frame_refused_replay") == 1)
    assert await mac2.bodies() == ["hello"]


async def test_a3_what_any_channel_carried_once_is_a_replay_on_every_channel(
    daemons: Daemons, sshd: Sshd, woken: list[str]
) -> None:
    async with ways_in(daemons, sshd, nodes={"chief": {"mac_address": CARD}}) as (ways, session):
        sent = await carried(ways)
        messages = [ways.parcels[id] for id in sent.values()]
        question = a_question(ways)
        assert await told(ways, "http", question) == "" and woken == [CARD]
        before = await stories(ways, sent)

        await all_are_replays(ways, question, messages, by_ssh=messages)
        await ways.mac2.down()
        await ways.mac2.up()
        await ways.connected()
        await all_are_replays(ways, question, messages, by_ssh=[ways.parcels[sent["<ssh>"]]])

        ways.mac2.time.pass_(WINDOW + 2.0)
        late = messages[0]
        for channel in ANSWER:
            assert await told(ways, channel, question) == "outside_window", channel
            # What comes out of a relay may have lain there for long.
            assert await told(ways, channel, late) == ("replay" if channel == "relay" else "outside_window"), channel
        ways.mac2.node.store.nonces.prune_later(1 << 40)
        for way, counter in (("seed", "messages_duplicate"), ("relay's shelf", "frame_refused_replay")):
            await found(ways, way, [question], "frame_refused_outside_window")
            await found(ways, way, [late], counter)  # of a forgotten nonce the message's own id is left

        rows = await ways.mac2.node.store.inbox.listing(100)
        by = {f"<{channel} while it is away>": channel for channel in WHILE_IT_IS_AWAY}
        by |= {f"<{channel}>": channel for channel in WHILE_IT_IS_UP}
        assert {row.body: row.channel for row in rows} == by and len(rows) == len(by)
        assert {text: session.times_offered(text) for text in sent} == dict.fromkeys(sent, 1)
        assert await stories(ways, sent) == before
        assert woken == [CARD]
