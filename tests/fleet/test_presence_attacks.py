"""Heartbeats that are forged, replayed, relayed or sent in masses: who is there is not decided by an attacker."""

import secrets
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from multifleet.core import packets
from multifleet.core.presence.gossip import Facts, Gossip, Rumor
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.flood import flood
from tests.lab.footprint import Footprint
from tests.lab.forging import Forger
from tests.lab.members import members_of, states_at, wait_met, wait_state
from tests.lab.recorded_datagrams import recorded_datagrams

pytestmark = [pytest.mark.lab, pytest.mark.alone]

FLOODED = 3.0
"""Seconds."""
HEALTH = 0.05
MEMORY = 8 << 20
"""Bytes that ten thousand strangers may cost."""


@pytest.fixture(scope="module")
def founded() -> Iterator[Fleet]:
    with Fleet(["mac1", "mac2", "mallory"], disk=None) as fleet:
        yield fleet.found()


@pytest.fixture
def three(founded: Fleet) -> Iterator[Fleet]:
    """Two honest members and one that turned bad; all up and met before and after."""
    for node in founded.nodes:
        if not node.running:
            node.up()
    wait_met(founded.nodes)
    yield founded
    founded.check()


@pytest.fixture(scope="module")
def recorded(founded: Fleet) -> list[bytes]:
    """What mac2 sent to mac1 within some seconds."""
    mac1, mac2, _ = founded.nodes
    wait_met(founded.nodes)
    with founded.lab.capture(f"udp port {PORT}") as wire:
        time.sleep(3)  # a few periods of pings
    found = recorded_datagrams(wire.path, mac1.host, mac2.host)
    assert found and all(datagram.startswith(b"mf1 mac2 mac1 ") for datagram in found)
    return found


def send(source: FleetNode, target: FleetNode, *datagrams: bytes) -> None:
    with source.host.open_socket(kind=socket.SOCK_DGRAM) as wire:
        for number, datagram in enumerate(datagrams):
            wire.sendto(datagram, (target.host.ip, PORT))
            if number % 50 == 49:
                time.sleep(0.002)  # a pace that the receiver's buffer bears: each is to be looked at


def unknown(number: int) -> bytes:
    header = f"mf1 stranger-{number} mac1 {secrets.token_hex(8)} {int(time.time())} {secrets.token_hex(16)}"
    return f"{header} {secrets.token_hex(32)}\n".encode() + secrets.token_bytes(300)


FLOODS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "noise": lambda recorded: [secrets.token_bytes(1_200) for _ in range(500)],
    "unknown senders": lambda recorded: [unknown(number) for number in range(10_000)],
    "tampered": lambda recorded: [datagram[:-1] + bytes([datagram[-1] ^ 1]) for datagram in recorded],
    "replayed": lambda recorded: recorded,
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_delays_no_answer_and_changes_no_state(three: Fleet, recorded: list[bytes], kind: str) -> None:
    mac1, _, mallory = three.nodes
    before = {node.name: (states_at(node), node.counted("peer_dead")) for node in three.nodes}
    rate, p99 = flood(mallory, mac1, FLOODS[kind](recorded), FLOODED)
    print(f"{kind}: {rate:,.0f} datagrams a second; /health p99 {p99 * 1_000:.1f} ms")
    assert {node.name: (states_at(node), node.counted("peer_dead")) for node in three.nodes} == before
    assert p99 < HEALTH
    message = mac1.send("mac2", "after the flood")
    mac1.wait_state(message, "stored", 20)


def test_ten_thousand_unknown_senders_cost_no_memory(three: Fleet) -> None:
    mac1, _, mallory = three.nodes
    send(mallory, mac1, *(unknown(number) for number in range(1_000)))
    three.wait_nats()
    before, refused = Footprint.of(mac1), mac1.counted("datagram_refused_unknown_sender")
    send(mallory, mac1, *(unknown(number) for number in range(1_000, 11_000)))
    assert mac1.counted("datagram_refused_unknown_sender") - refused > 9_000
    after = Footprint.of(mac1)
    assert after.memory - before.memory < MEMORY and before.holds(after)
    assert mac1.log().count("datagram_refused_unknown_sender") < 100, "a flood does not fill the log"


def test_recorded_heartbeats_bring_no_dead_node_back_to_life(three: Fleet, recorded: list[bytes]) -> None:
    mac1, mac2, mallory = three.nodes
    mac2.kill()
    wait_state([mac1, mallory], "mac2", "dead", 6)
    for _ in range(3):
        send(mallory, mac1, *recorded)
        time.sleep(0.5)
        assert states_at(mac1)["mac2"] == "dead"
    mac1.kill()
    mac1.up()
    for _ in range(3):  # what was seen before the restart is known from memory alone
        send(mallory, mac1, *recorded)
        time.sleep(0.5)
        assert states_at(mac1)["mac2"] == "dead"
    assert f"{mallory.host.ip}:{PORT}" not in members_of(mac1)["mac2"]["addresses"][:1]


def test_a_member_that_lies_about_another_makes_it_neither_dead_nor_asleep(three: Fleet) -> None:
    mac1, mac2, mallory = three.nodes
    forger = Forger(mallory, mac1)
    future = int(time.time() * 1_000) + 10**9
    facts = Facts(version="9", branch="main", commit="", sessions=9, seats=[], load=0.0, disk=0)
    lies = [
        Rumor(word="suspect", about="mac2", incarnation=future),
        Rumor(word="asleep", about="mac2", incarnation=future, slept=5, signature=secrets.token_hex(64)),
        Rumor(word="alive", about="mac2", incarnation=future, signature=secrets.token_hex(64)),
        Rumor(word="suspect", about="nobody", incarnation=1),
        Rumor(word="suspect", about="mac1", incarnation=future),
    ]
    boot = secrets.token_hex(8)
    flaps = [members_of(at)[of]["flaps"] for at, of in ((mac1, "mac2"), (mac2, "mac1"))]
    with mallory.host.freeze():  # its daemon is silent: all that comes in its name is forged
        for count in range(40):
            gossip = Gossip(
                kind="news", boot=boot, count=count + 1, re=0, incarnation=future, facts=facts, rumors=lies
            )
            with mallory.host.open_socket(kind=socket.SOCK_DGRAM) as wire:
                wire.sendto(forger.frame(packets.write(gossip)), (mac1.host.ip, PORT))
            time.sleep(0.1)
            assert states_at(mac1)["mac2"] in ("alive", "suspect")
        wait_state([mac1], "mac2", "alive", 10)  # it was only a suspicion, which its next word ends
        assert "nobody" not in members_of(mac1)
    assert [members_of(at)[of]["flaps"] for at, of in ((mac1, "mac2"), (mac2, "mac1"))] == flaps
    wait_state([mac1, mac2], "mallory", "alive", 20)
