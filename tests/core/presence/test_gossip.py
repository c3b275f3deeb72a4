"""The wire form of presence: small, strict, bounded."""

import pytest

from multifleet.core import packets
from multifleet.core.packets import BadPacket
from multifleet.core.presence.gossip import Document, Facts, Gossip, Rumor
from multifleet.core.strict import NotStrict
from tests.core.presence.simulation import frame_overhead

FACTS = Facts(
    version="1.2.3", branch="main", commit="6f4f8fc", sessions=3, seats=["app"], load=0.5, disk=1_000, doing="ib"
)
PING = Gossip(kind="ping", boot="0" * 16, count=7, re=0, incarnation=1_700_000_000_000, digest="f" * 16)
FULL = Gossip(
    kind="told",
    boot="0" * 16,
    count=7,
    re=6,
    incarnation=1_700_000_000_000,
    about="laptop",
    proof="a" * 128,
    facts=FACTS,
    rumors=[Rumor(word="asleep", about="mac1", incarnation=5, slept=0, signature="b" * 128)],
    documents=[Document(text='{"kind":"leave"}', signature="c" * 128)],
)


@pytest.mark.parametrize("gossip", [PING, FULL])
def test_what_is_written_is_read_again(gossip: Gossip) -> None:
    assert packets.read(packets.write(gossip), Gossip) == gossip


def test_an_idle_ping_and_its_answer_are_small() -> None:
    overhead = frame_overhead("machine-0001", "machine-0002")
    assert len(packets.write(PING)) + overhead < 280


def changed(**fields: object) -> bytes:
    values = {name: getattr(FULL, name) for name in Gossip.__struct_fields__} | fields
    return packets.write(Gossip(**values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"{}",
        b'["ping"]',
        packets.write(PING)[:-1] + b",1]",
        changed(kind="shout"),
        changed(boot="0" * 15),
        changed(boot="G" * 16),
        changed(count=-1),
        changed(count=10**15 + 1),
        changed(count=1.5),
        changed(incarnation=10**15 + 1),
        changed(digest="f" * 15),
        changed(about="Laptop"),
        changed(about="laptop\n"),
        changed(proof="a" * 127),
        changed(rumors=FULL.rumors * 9),
        changed(documents=FULL.documents * 5),
        changed(documents=[Document(text="x" * 641, signature="c" * 128)]),
        changed(rumors=[Rumor(word="dead", about="mac1", incarnation=5)]),  # type: ignore[arg-type]
        changed(rumors=[Rumor(word="alive", about="", incarnation=5)]),
        changed(rumors=[Rumor(word="alive", about="mac1", incarnation=5, slept=-1)]),
        *(
            changed(facts=Facts(**{**{name: getattr(FACTS, name) for name in Facts.__struct_fields__}, **wrong}))
            for wrong in (
                {"version": "x" * 41},
                {"branch": "x" * 61},
                {"commit": "x" * 41},
                {"sessions": -1},
                {"seats": ["a", "b", "c", "d", "e"]},
                {"seats": ["A"]},
                {"load": -0.1},
                {"load": 10**5},
                {"disk": 10**13},
                {"doing": "x"},
                {"doing": "i" * 33},
            )
        ),
    ],
)
def test_what_is_out_of_shape_is_refused(data: bytes) -> None:
    with pytest.raises((BadPacket, NotStrict)):
        packets.read(data, Gossip)
