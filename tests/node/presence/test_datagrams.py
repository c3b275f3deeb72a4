"""Datagrams of members arrive; what anybody else sends is dropped, counted, and answered by nothing."""

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from multifleet.core.frame import WINDOW, Opened, seal
from multifleet.node.clock import Clocks, NodeClock
from multifleet.node.counters import Counters
from multifleet.node.members import Member, Members
from multifleet.node.presence.datagrams import DATAGRAM_LIMIT, PORTION, REMEMBERED, TURN, Datagrams, Source
from tests.core.wire import FLEET, KEYS, MAC1, MAC2, MAC3, pair
from tests.node.fleet import pinned, until

QUIET = 0.05
"""Seconds after which what was not answered will not be."""


class Ears:
    """The UDP side of mac2, which knows mac1; and a wire from which anybody sends to it."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.sources: list[Source] = []
        self.counters = Counters()
        self.clock = NodeClock.start(Clocks(), 0.0)
        self.members = Members(MAC2, FLEET)
        self.mac1 = self.members.admit(pinned(MAC1))
        self.datagrams = Datagrams(self.members, self.clock, self.counters, self._take)
        self.wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.wire.bind(("127.0.0.1", 0))
        self.wire.setblocking(False)

    def _take(self, member: Member, opened: Opened, source: Source) -> bool:
        is_new = (member.node, opened.packet) not in self.heard
        self.heard.append((member.node, opened.packet))
        self.sources.append(source)
        return is_new

    @property
    def address(self) -> Source:
        """Where it listens."""
        return self.datagrams.addresses[0]

    def throw(self, *data: bytes) -> None:
        """Datagrams from somewhere."""
        for one in data:
            self.wire.sendto(one, self.address)

    def frame(self, packet: bytes, sent: float | None = None) -> bytes:
        """A frame of mac1."""
        at = int(self.clock.now() if sent is None else sent)
        return seal(KEYS, "mac1", "mac2", at, secrets.token_bytes(16), packet)


@pytest.fixture
async def ears() -> AsyncIterator[Ears]:
    """Of mac2, open."""
    ears = Ears()
    async with AsyncExitStack() as stack:
        await ears.datagrams.start(stack, [("127.0.0.1", 0)])
        yield ears
    ears.wire.close()


async def test_a_members_datagrams_arrive_with_their_source(ears: Ears) -> None:
    ears.throw(ears.frame(b"one"), ears.frame(b"two"))
    await until(lambda: len(ears.heard) == 2)
    assert ears.heard == [("mac1", b"one"), ("mac1", b"two")]
    assert ears.sources == [ears.wire.getsockname()] * 2
    assert ears.counters.snapshot() == {}


async def test_what_no_member_made_for_this_node_now_is_counted_by_its_fault_and_never_answered(ears: Ears) -> None:
    now = int(ears.clock.now())
    good = ears.frame(b"good")
    thrown = {
        "too_large": [good + bytes(DATAGRAM_LIMIT), bytes(9_000)],
        "malformed": [b"", b"m", b"\xff" * 50, b"mf1 ", good[:-70], b"GET / HTTP/1.1\r\n\r\n"],
        "wrong_recipient": [seal(KEYS, "mac1", "mac3", now, bytes(16), b"x")],
        "unknown_sender": [
            seal(pair(MAC3, MAC2), "mac3", "mac2", now, bytes(16), b"x"),
            seal(pair(MAC3, MAC2), "mac1", "mac2", now, bytes(16), b"x"),
            seal(pair(MAC2, MAC2), "mac2", "mac2", now, bytes(16), b"x"),
        ],
        "bad_mac": [good[:-1], good[:-1] + bytes([good[-1] ^ 1])],
        "outside_window": [ears.frame(b"x", now - WINDOW - 5), ears.frame(b"x", now + WINDOW + 5)],
    }
    for some in thrown.values():
        ears.throw(*some)
    ears.throw(good)
    await until(lambda: ears.heard)
    assert ears.heard == [("mac1", b"good")]
    assert ears.counters.snapshot() == {f"datagram_refused_{name}": len(some) for name, some in sorted(thrown.items())}
    await asyncio.sleep(QUIET)
    with pytest.raises(BlockingIOError):
        ears.wire.recvfrom(2_000)


async def test_what_comes_again_is_counted_and_a_flood_of_it_is_told(
    ears: Ears, caplog: pytest.LogCaptureFixture
) -> None:
    again = ears.frame(b"again")
    ears.throw(again, again, ears.frame(b"again"))  # the last one is known by its packet alone
    await until(lambda: ears.counters.snapshot() == {"datagram_refused_replay": 2})
    assert len(ears.heard) == 2
    assert not caplog.records
    ears.throw(*[again] * 100)
    await until(lambda: ears.counters.snapshot() == {"datagram_refused_replay": 102})
    assert len(ears.heard) == 2
    assert caplog.records


async def test_what_is_known_again_is_bounded(ears: Ears) -> None:
    for number in range(REMEMBERED + 50):
        ears.throw(ears.frame(b"%d" % number))
        ears.datagrams.read_now()
    await until(lambda: len(ears.heard) == REMEMBERED + 50)
    assert len(ears.datagrams._taken) == REMEMBERED


async def test_a_sender_who_is_no_member_any_more_is_not_heard(ears: Ears) -> None:
    del ears.members._members["mac1"]
    ears.throw(ears.frame(b"one"))
    await until(lambda: ears.counters.snapshot())
    assert ears.counters.snapshot() == {"datagram_refused_unknown_sender": 1}


def refused(ears: Ears) -> int:
    """How many datagrams were none at all."""
    return ears.counters.snapshot().get("datagram_refused_malformed", 0)


@pytest.mark.beside_one
async def test_a_full_buffer_is_read_in_portions(ears: Ears) -> None:
    began = 0
    for _ in range(20_000):
        try:
            ears.throw(b"junk")
            began += 1
        except BlockingIOError:
            break
    reads: list[tuple[int, float]] = []  # how many at once, and for how long
    while not reads or reads[-1][0]:
        started, before = time.perf_counter(), refused(ears)
        ears.datagrams.read_now()
        reads.append((refused(ears) - before, time.perf_counter() - started))
    assert PORTION <= reads[0][0] <= began
    # One portion more than the time allows; of the whole ones the quickest, as others want the processor, too.
    assert min(took for count, took in reads if count >= PORTION) < TURN + 0.02


async def test_a_members_datagram_gets_through_between_those_of_strangers(ears: Ears) -> None:
    for number in range(100):
        ears.throw(b"mf1 junk", secrets.token_bytes(400), ears.frame(b"%d" % number), b"mf1 a b c")
    await until(lambda: len(ears.heard) == 100)
    assert ears.counters.snapshot() == {"datagram_refused_malformed": 300}


async def test_ten_thousand_unknown_senders_leave_nothing_behind(ears: Ears) -> None:
    text = "mf1 stranger-{0} mac2 {0:016x} 1 {0:032x} {0:064x}\nx"
    strangers = [text.format(number).encode() for number in range(10_000)]
    for start in range(0, len(strangers), 100):
        ears.throw(*strangers[start : start + 100])
        ears.datagrams.read_now()
    await until(lambda: ears.counters.snapshot().get("datagram_refused_unknown_sender", 0) == 10_000)
    assert list(ears.counters.snapshot()) == ["datagram_refused_unknown_sender"]
    assert len(ears.counters._windows) == 1
    assert [member.node for member in ears.members] == ["mac1"]


async def test_a_packet_goes_to_each_address_under_the_keys_of_its_member(ears: Ears) -> None:
    other = Ears()
    async with AsyncExitStack() as stack:
        await other.datagrams.start(stack, [("127.0.0.1", 0)])
        sender = Members(MAC1, FLEET)
        member = sender.admit(pinned(MAC2))
        sends = Datagrams(sender, ears.clock, Counters(), lambda *_: True)
        await sends.start(stack, [("127.0.0.1", 0)])
        sends.send(member, b"hello", [ears.address, ("::1", 9), other.address, ("127.0.0.1", 0)])
        await until(lambda: ears.heard and other.heard)
        source = sends.addresses[0]
    other.wire.close()
    assert ears.heard == other.heard == [("mac1", b"hello")]
    assert ears.sources == [source]


async def test_a_packet_that_no_datagram_takes_is_not_sent(ears: Ears) -> None:
    ears.datagrams.send(ears.mac1, bytes(DATAGRAM_LIMIT), [ears.wire.getsockname()])
    assert ears.counters.snapshot() == {"datagram_too_long": 1}
    with pytest.raises(BlockingIOError):
        ears.wire.recvfrom(2_000)


async def test_ipv6_and_ipv4_each_go_by_their_own_socket() -> None:
    heard: list[Source] = []
    members = Members(MAC2, FLEET)
    members.admit(pinned(MAC1))
    clock = NodeClock.start(Clocks(), 0.0)

    def take(member: Member, opened: Opened, source: Source) -> bool:
        heard.append(source)
        return True

    if not has_ipv6():
        pytest.skip("no IPv6 here")
    async with AsyncExitStack() as stack:
        ears = Datagrams(members, clock, Counters(), take)
        await ears.start(stack, [("127.0.0.1", 0), ("::1", 0)])
        sender = Members(MAC1, FLEET)
        sends = Datagrams(sender, clock, Counters(), lambda *_: True)
        await sends.start(stack, [("::1", 0), ("127.0.0.1", 0)])
        for address in ears.addresses:
            sends.send(sender.admit(pinned(MAC2)), b"hello", [address])
        await until(lambda: len(heard) == 2)
    assert {host for host, _ in heard} == {"::1", "127.0.0.1"}


async def test_at_the_end_nothing_is_open() -> None:
    async with AsyncExitStack() as stack:
        ears = Datagrams(Members(MAC2, FLEET), NodeClock.start(Clocks(), 0.0), Counters(), lambda *_: True)
        await ears.start(stack, [("127.0.0.1", 0)])
        port = ears.addresses[0][1]
    assert ears.addresses == []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", port))


def has_ipv6() -> bool:
    """Whether this machine's loopback has it."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as wire:
            wire.bind(("::1", 0))
    except OSError:
        return False
    return True
