"""A heartbeat says that a peer is there, and nothing else; an old, strange or broken one says nothing."""

import secrets
from contextlib import AsyncExitStack

import pytest

from multifleet.core import packets
from multifleet.core.frame import WINDOW, seal
from multifleet.core.packets import Heartbeat, Request
from multifleet.node.clock import Clocks, NodeClock
from multifleet.node.counters import Counters
from multifleet.node.heartbeat import DATAGRAM_LIMIT, Heartbeats
from multifleet.node.members import Member, Members
from tests.core.wire import FLEET, KEYS, MAC1, MAC2, MAC3, pair
from tests.node.fleet import pinned, until
from tests.node.served import Daemons

BOOT = "0123456789abcdef"


class Ears:
    """The heartbeats of mac2, and what they made of what came."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.counters = Counters()
        self.clock = NodeClock.start(Clocks(), 0.0)
        members = Members(MAC2, FLEET)
        self.member = members.admit(pinned(MAC1))
        self.beats = Heartbeats(members, self.clock, self.counters, 60.0, self._note, lambda node: None)

    def _note(self, member: Member, remote: str) -> None:
        self.heard.append((member.node, remote))

    def take(self, data: bytes) -> None:
        """A datagram from somewhere."""
        self.beats._hear(data, "10.0.0.1", 8855)

    def beat(self, count: int, boot: str = BOOT, sent: float | None = None) -> bytes:
        """A heartbeat of mac1."""
        packet = packets.write(Heartbeat(boot=boot, count=count))
        at = int(self.clock.now() if sent is None else sent)
        return seal(KEYS, "mac1", "mac2", at, secrets.token_bytes(16), packet)


@pytest.fixture
def ears() -> Ears:
    """Of mac2."""
    return Ears()


def test_a_peer_is_heard_by_each_new_heartbeat(ears: Ears) -> None:
    for count in (1, 2, 5):
        ears.take(ears.beat(count))
    assert ears.heard == [("mac1", "10.0.0.1")] * 3
    assert ears.member.reachable_at == ("10.0.0.1:8855",)


def test_a_recorded_heartbeat_is_worth_nothing(ears: Ears) -> None:
    old, new = ears.beat(1), ears.beat(2)
    for data in (old, new, old, new, ears.beat(2), ears.beat(1)):
        ears.take(data)
    assert len(ears.heard) == 2
    assert ears.counters.snapshot() == {"heartbeat_replayed": 4}


def test_a_recorded_heartbeat_sent_from_elsewhere_changes_no_address(ears: Ears) -> None:
    data = ears.beat(1)
    ears.take(data)
    ears.beats._hear(data, "10.6.6.6", 666)
    assert ears.member.reachable_at == ("10.0.0.1:8855",)


def test_heartbeats_from_before_a_restart_are_worth_nothing_after_it(ears: Ears) -> None:
    before = ears.beat(1_000)
    ears.take(before)
    ears.take(ears.beat(1, boot="f" * 16))
    ears.take(ears.beat(1_001))
    ears.take(before)
    assert len(ears.heard) == 2


@pytest.mark.parametrize("away", [-WINDOW - 5, WINDOW + 5])
def test_a_heartbeat_from_another_time_is_not_heard(ears: Ears, away: int) -> None:
    ears.take(ears.beat(1, sent=ears.clock.now() + away))
    assert ears.heard == []
    assert ears.counters.snapshot() == {"heartbeat_refused_outside_window": 1}


def test_what_is_no_heartbeat_is_counted_and_not_heard(ears: Ears) -> None:
    now = int(ears.clock.now())
    strange = seal(pair(MAC3, MAC2), "mac3", "mac2", now, bytes(16), packets.write(Heartbeat(boot=BOOT, count=1)))
    request = seal(KEYS, "mac1", "mac2", now, bytes(16), packets.write(Request(time=now, have=0)))
    for data in (b"", b"\xff" * 50, strange, request, ears.beat(1)[:-1], ears.beat(1) + bytes(DATAGRAM_LIMIT)):
        ears.take(data)
    assert ears.heard == []
    assert sum(ears.counters.snapshot().values()) == 6


async def test_one_peers_odd_address_does_not_silence_the_node_for_the_others() -> None:
    listening, beating = Ears(), Members(MAC1, FLEET)
    async with AsyncExitStack() as stack:
        await listening.beats.start(stack, [("127.0.0.1", 0)])
        port = listening.beats._transports[0].get_extra_info("sockname")[1]
        beating.admit(pinned(MAC3, ("x y", "127.0.0.1:99999", "[::zz]:1", "a-name:8855", "")))
        beating.admit(pinned(MAC2, ("127.0.0.1:99999", f"127.0.0.1:{port}")))
        beats = Heartbeats(beating, NodeClock.start(Clocks(), 0.0), Counters(), 60.0, lambda *_: None, lambda _: None)
        await beats.start(stack, [("127.0.0.1", 0)])
        for member in beating.others():
            beats._beat(member)
        await until(lambda: listening.heard)
    assert listening.heard == [("mac1", "127.0.0.1")]


async def test_what_waits_for_a_peer_leaves_when_the_peer_is_heard_again(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    code = (await mac1.node.invite([mac1.address])).code
    await mac2.node.join(code, [])
    await mac1.delivers("mac2")
    await mac2.down()
    sent = await mac1.node.messages.send("mac2", "while you were away")
    outbox = mac1.node.outbox_of("mac2")
    await until(lambda: outbox.failing)
    mac1.node.members.need("mac2").heard_at = None
    outbox._retry_at = mac1.node.clock.monotonic() + 3_600
    await mac2.up()
    story = await mac1.node.messages.wait(sent.id, "stored", 10.0)
    assert story.reached


async def test_peers_are_seen_as_heard_in_the_list_of_peers(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    await mac2.node.join((await mac1.node.invite([mac1.address])).code, [])
    await until(lambda: mac1.node.members.need("mac2").heartbeat[1] >= 2)
    [view] = (await mac1.node.peers_view()).peers
    assert (view.node, view.state, view.waiting) == ("mac2", "alive", 0)
