"""Nodes on real sockets see each other come and go, and nobody else can make them believe that somebody does."""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Iterator

import pytest

from multifleet.config import join_address
from multifleet.core import packets
from multifleet.core.frame import seal
from multifleet.core.presence.gossip import Document, Gossip, Kind
from multifleet.core.presence.peer import STOPPED
from multifleet.core.presence.states import PresenceState
from multifleet.node.presence.presence import INCARNATION
from tests.node.fleet import Machines, until
from tests.node.presence.test_flood import asked, process_of
from tests.node.served import Daemon, Daemons

BOOT = "0123456789abcdef"
LONG = 40.0
"""Seconds for a death on a busy machine."""


async def fleet_of(daemons: Daemons, *names: str) -> list[Daemon]:
    """Daemons that know each other and have answered each other."""
    first, *others = await daemons.up(*names)
    for other in others:
        await other.node.join((await first.node.invite([first.address])).code, [])
    for other in others:
        await answers(first, other)
        await answers(other, first)
    return [first, *others]


async def answers(daemon: Daemon, other: Daemon) -> None:
    """Wait until another one has answered a ping of this one."""
    await until(lambda: daemon.node.presence.peer(other.name).round_trip is not None, LONG)
    await until(lambda: sees(daemon, other) == "alive", LONG)


def sees(daemon: Daemon, other: Daemon) -> str:
    """How another one is to this one."""
    return str(daemon.node.presence.peer(other.name).state)


def gossip_of(sender: Daemon, to: Daemon, kind: Kind = "ping", boot: str = BOOT, count: int = 1, re: int = 0) -> bytes:
    """A datagram of one daemon to another, made with its keys."""
    member = sender.node.members.need(to.name)
    made = Gossip(kind=kind, boot=boot, count=count, re=re, incarnation=sender.node.presence.incarnation)
    sent = int(to.node.clock.now())
    return seal(member.outgoing, sender.name, to.name, sent, secrets.token_bytes(16), packets.write(made))


def address_of(wire: socket.socket) -> str:
    """host:port."""
    return join_address(*wire.getsockname())


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """A socket at another address than all daemons."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.66", 0))
        wire.setblocking(False)
        yield wire


async def test_nodes_that_joined_are_alive_to_each_other(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    peer = mac1.node.presence.peer("mac2")
    assert peer.state is PresenceState.ALIVE
    assert 0 < (peer.round_trip or 0.0) < 1
    assert mac1.node.presence.best_address("mac2") == mac2.address
    await until(lambda: mac1.node.presence.peer("mac2").facts is not None)
    facts = mac1.node.presence.peer("mac2").facts
    assert facts is not None and facts.version and facts.sessions == 0


async def test_a_death_is_seen_and_so_is_the_return(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    await mac2.vanish()
    await until(lambda: sees(mac1, mac2) == "dead", LONG)
    assert "unanswered" in mac1.node.presence.peer("mac2").how
    assert mac1.node.counters.snapshot()["peer_dead"] == 1
    await mac2.up()
    await until(lambda: sees(mac1, mac2) == sees(mac2, mac1) == "alive", LONG)
    assert mac1.node.presence.peer("mac2").apart is not None


async def test_who_stops_says_so_and_comes_back_without_having_been_apart(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    await mac2.down()
    await until(lambda: sees(mac1, mac2) == "dead", 1.0)
    assert mac1.node.presence.peer("mac2").how == STOPPED
    assert "peer_suspect" not in mac1.node.counters.snapshot()
    await mac1.down()
    await mac1.up()
    assert (sees(mac1, mac2), mac1.node.presence.peer("mac2").how) == ("dead", STOPPED), "it is remembered"
    await mac2.up()
    await until(lambda: sees(mac1, mac2) == sees(mac2, mac1) == "alive", LONG)
    peer = mac1.node.presence.peer("mac2")
    assert (peer.apart, peer.flaps) == (None, 0)


async def test_what_waits_for_a_peer_leaves_when_the_peer_is_heard_again(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    await mac1.delivers("mac2")
    await mac2.down()
    sent = await mac1.node.messages.send("mac2", "while you were away")
    outbox = mac1.node.outbox_of("mac2")
    await until(lambda: outbox.failing and sees(mac1, mac2) == "dead", LONG)
    outbox._retry_at = mac1.node.clock.monotonic() + 3_600
    await mac2.up()
    story = await mac1.node.messages.wait(sent.id, "stored", LONG)
    assert story.reached


async def test_the_list_of_peers_shows_who_is_there(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    [view] = (await mac1.node.peers_view()).peers
    assert (view.node, view.state, view.waiting) == ("mac2", "alive", 0)
    await mac2.down()
    await until(lambda: sees(mac1, mac2) == "dead", LONG)
    [view] = (await mac1.node.peers_view()).peers
    assert view.state == "dead"


async def test_what_is_known_outlives_a_restart_and_the_own_incarnation_grows(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    await mac2.vanish()
    await until(lambda: sees(mac1, mac2) == "dead", LONG)
    since = mac1.node.clock.now() - (mac1.node.clock.monotonic() - mac1.node.presence.peer("mac2").since)
    before = mac1.node.presence.incarnation
    await mac1.down()
    mac1.time.wall_shift = -3_600
    await mac1.up()
    peer = mac1.node.presence.peer("mac2")
    assert peer.state is PresenceState.DEAD and "unanswered" in peer.how
    assert mac1.node.clock.now() - (mac1.node.clock.monotonic() - peer.since) == pytest.approx(since, abs=2)
    assert mac1.node.presence.incarnation > before
    assert mac1.node.members.need("mac2").answers_at is None
    assert mac1.node.presence.best_address("mac2") == mac2.address


async def test_a_restart_of_the_one_who_looks_on_changes_nothing_about_the_others(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    await until(lambda: mac1.node.presence.peer("mac2").heard_by == "answer", LONG)
    [row] = [row for row in await mac1.node.store.peers.all() if row.node == "mac2"]
    await mac1.down()
    await mac1.up()
    await until(lambda: sees(mac1, mac2) == "alive", LONG)
    peer = mac1.node.presence.peer("mac2")
    assert (peer.flaps, peer.apart) == (0, None)
    assert mac1.node.clock.now() - (mac1.node.clock.monotonic() - peer.since) == pytest.approx(row.state_since, abs=1)


async def test_an_incarnation_from_the_future_is_outgrown(daemons: Daemons) -> None:
    [mac1] = await daemons.up("mac1")
    future = int(mac1.node.clock.wall() * 1_000) + 10**9
    await mac1.node.store.meta.set(INCARNATION, str(future))
    await mac1.vanish()
    await mac1.up()
    assert mac1.node.presence.incarnation == future + 1


async def test_a_changed_address_is_used_once_it_has_answered(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    old = mac2.address
    await mac2.down()
    mac2.port = 0
    mac2.configure()
    await mac2.up()
    assert mac2.address != old
    await until(lambda: mac1.node.presence.best_address("mac2") == mac2.address, LONG)
    assert mac1.node.members.need("mac2").reachable_at[0] == mac2.address
    await mac1.delivers("mac2")


async def test_a_recorded_ping_from_elsewhere_moves_no_address_and_gets_no_answer(
    daemons: Daemons, elsewhere: socket.socket
) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    recorded: list[bytes] = []
    opened = mac1.node.presence._take
    mac1.node.presence.datagrams._take = lambda member, frame, source: (  # type: ignore[method-assign]
        recorded.append(frame.packet) or opened(member, frame, source)
    )
    await until(lambda: recorded)
    keys = mac2.node.members.need("mac1").outgoing
    mac1.node.presence.datagrams._taken.clear()  # it is known again by what it says, too
    for packet in list(recorded):
        again = seal(keys, "mac2", "mac1", int(mac1.node.clock.now()), secrets.token_bytes(16), packet)
        elsewhere.sendto(again, ("127.0.0.1", mac1.port))
    await until(lambda: mac1.node.counters.snapshot().get("datagram_refused_replay", 0) >= 1)
    await asyncio.sleep(0.5)
    with pytest.raises(BlockingIOError):
        elsewhere.recvfrom(2_000)
    assert mac1.node.presence.best_address("mac2") == mac2.address
    assert mac1.node.members.need("mac2").calls_from in (None, mac2.address)


async def test_a_new_ping_sent_from_elsewhere_is_asked_back_there_and_moves_nothing(
    daemons: Daemons, elsewhere: socket.socket
) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    counts = iter(range(10_000))

    def is_asked_back() -> bool:
        elsewhere.sendto(gossip_of(mac2, mac1, count=next(counts)), ("127.0.0.1", mac1.port))
        try:
            return bool(elsewhere.recvfrom(2_000))
        except BlockingIOError:
            return False

    await until(is_asked_back)
    assert mac1.node.members.need("mac2").calls_from != address_of(elsewhere), "frames do not go there"
    await asyncio.sleep(1.0)
    assert mac1.node.presence.best_address("mac2") == mac2.address
    assert mac1.node.members.need("mac2").answers_at == mac2.address
    assert sees(mac1, mac2) == "alive"
    await mac1.delivers("mac2")


async def test_the_dead_are_not_raised_by_what_was_recorded(daemons: Daemons, elsewhere: socket.socket) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    old = [gossip_of(mac2, mac1, kind, count=10 + n) for n, kind in enumerate(("ping", "ack", "news", "told", "ask"))]
    await mac2.vanish()
    await until(lambda: sees(mac1, mac2) == "dead", LONG)
    for datagram in old * 20:
        elsewhere.sendto(datagram, ("127.0.0.1", mac1.port))
        await asyncio.sleep(0.01)
    assert sees(mac1, mac2) == "dead"
    assert mac1.node.presence.best_address("mac2") != address_of(elsewhere)


async def test_one_member_that_floods_is_answered_within_bounds(daemons: Daemons, elsewhere: socket.socket) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    boot = mac1.node.presence._core._book.peers["mac2"].boot
    for count in range(10**12, 10**12 + 1_000):
        elsewhere.sendto(gossip_of(mac2, mac1, boot=boot, count=count), ("127.0.0.1", mac1.port))
        if count % 50 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0.5)
    answered = 0
    while True:
        try:
            elsewhere.recvfrom(2_000)
            answered += 1
        except BlockingIOError:
            break
    assert 1 <= answered <= 150
    assert sees(mac1, mac2) == "alive"


async def test_packets_that_are_none_are_counted(daemons: Daemons, elsewhere: socket.socket) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    keys, now = mac2.node.members.need("mac1").outgoing, int(mac1.node.clock.now())
    for packet in (b"", b"[]", b"{}", b'["ping"]', b'["ping","x",1,0,0]', b"\xff", b"[" * 500):
        elsewhere.sendto(seal(keys, "mac2", "mac1", now, secrets.token_bytes(16), packet), ("127.0.0.1", mac1.port))
    await until(lambda: mac1.node.counters.snapshot().get("gossip_bad", 0) == 7)
    with pytest.raises(BlockingIOError):
        elsewhere.recvfrom(2_000)


async def test_a_node_that_was_frozen_declares_nobody_dead(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    await mac2.node.join((await mac1.node.invite([mac1.address])).code, [])
    await mac2.down()
    mac2.configure()
    async with process_of(mac2) as (process, _):
        await answers(mac1, mac2)
        before = (await asked(mac2, "stats"))["counters"]
        os.kill(process.pid, signal.SIGSTOP)
        await until(lambda: sees(mac1, mac2) == "dead", LONG)
        os.kill(process.pid, signal.SIGCONT)
        await until(lambda: sees(mac1, mac2) == "alive", LONG)
        counters = (await asked(mac2, "stats"))["counters"]
        [peer] = (await asked(mac2, "peers"))["peers"]
    assert peer["state"] == "alive"
    counted = ("peer_dead", "peer_suspect")
    assert [counters.get(name) for name in counted] == [before.get(name) for name in counted]


@pytest.mark.parametrize("step", [3_600.0, -3_600.0])
async def test_a_wall_clock_that_is_set_kills_nobody(daemons: Daemons, step: float) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    mac1.time.wall_shift = step
    before = mac1.node.presence.peer("mac2").heard_at
    await until(lambda: mac1.node.presence.peer("mac2").heard_at != before)
    await asyncio.sleep(2.0)
    assert sees(mac1, mac2) == sees(mac2, mac1) == "alive"
    assert not {"peer_dead", "peer_suspect"} & {*mac1.node.counters.snapshot(), *mac2.node.counters.snapshot()}


async def test_a_monotonic_clock_that_jumps_kills_nobody(daemons: Daemons) -> None:
    mac1, _ = await fleet_of(daemons, "mac1", "mac2")
    mac1.time.pass_(900.0)  # as a machine that slept
    before = mac1.node.presence.peer("mac2").heard_at
    await until(lambda: mac1.node.presence.peer("mac2").heard_at != before)
    assert "peer_dead" not in mac1.node.counters.snapshot()


async def test_documents_are_passed_on_and_what_comes_is_handed_over_unchecked(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    learned: list[tuple[str, Document]] = []
    mac2.node.presence.learn = lambda sender, document: learned.append((sender, document))
    document = Document(text="anything", signature="0" * 128)
    mac1.node.presence.spread(document)
    await until(lambda: learned)
    assert learned[0] == ("mac1", document)


async def test_another_roster_is_told(daemons: Daemons) -> None:
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    differing: list[str] = []
    mac1.node.presence.differs = differing.append
    mac1.node.presence.set_digest("0" * 16)
    mac2.node.presence.set_digest("1" * 16)
    await until(lambda: differing)
    assert set(differing) == {"mac2"}


async def test_a_node_without_a_socket_judges_nobody(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    for machine in (mac1, mac2):
        await machine.open()
    assert mac1.node.presence.peer("mac2").state is PresenceState.SUSPECT
    for machine in (mac1, mac2):
        await machine.run()
    sent = await mac1.node.messages.send("mac2", "hello")
    assert (await mac1.node.messages.wait(sent.id, "stored", LONG)).reached
    assert mac1.node.presence.is_there("mac2")
    await mac2.stop()
    mac1.time.pass_(600)
    assert mac1.node.presence.is_there("mac2")


async def test_who_is_no_member_any_more_is_forgotten(daemons: Daemons) -> None:
    mac1, _ = await fleet_of(daemons, "mac1", "mac2")
    mac1.node.members.remove("mac2")
    mac1.node.presence.members_changed()
    assert not mac1.node.presence.is_there("mac2")
    assert mac1.node.presence.peers() == [] and mac1.node.presence.best_address("mac2") is None
    with pytest.raises(KeyError):
        mac1.node.presence.peer("mac2")
