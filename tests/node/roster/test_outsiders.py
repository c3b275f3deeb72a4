"""What machines that are out may still say: documents, which prove themselves, and nothing else."""

import secrets
import time

from multifleet.core import frame, packets
from multifleet.core.packets import Request, RosterAsk, RosterTell, Wire
from multifleet.node.aside import BURST
from tests.node.fleet import until
from tests.node.roster.joined import joined, revoke
from tests.node.roster.signing import admission, revocation
from tests.node.served import Daemon, Daemons


async def said(frm: Daemon, to: Daemon, packet: Wire) -> tuple[int, bytes, str]:
    """What a machine is answered under the keys that it had, with the nonce of what it said."""
    member = frm.node.members.get(to.name)
    assert member is not None
    nonce = secrets.token_bytes(16)
    made = frame.seal(member.outgoing, frm.name, to.name, int(time.time()), nonce, packets.write(packet))
    status, answer = await to.node.frames(made, "127.0.0.1")
    return status, answer, nonce.hex()


def told(frm: Daemon, to: Daemon, answer: bytes, nonce: str) -> RosterTell:
    """The answer, as the machine that is out reads it."""
    member = frm.node.members.get(to.name)
    assert member is not None
    read = frm.node.exchange.open_told(member, nonce, answer, packets.read_told)
    assert isinstance(read, RosterTell)
    return read


async def test_the_answer_of_a_captain_that_was_put_out_reaches_who_has_dropped_its_keys(daemons: Daemons) -> None:
    mac1, mac2, bad = await joined(daemons, "mac1", "mac2", "bad")
    word = revocation(bad.node, mac2.node.rostering.view.members["mac1"], "mine", (), ())
    await bad.down()
    await mac2.node.rostering.take([word])
    assert mac2.node.members.get("mac1") is None
    await mac1.node.rostering.take([word])
    await revoke(mac1, "bad", "a thief")
    await until(lambda: mac1.node.rostering.digest() == mac2.node.rostering.digest())
    assert {dispute.node for dispute in mac2.node.rostering.view.disputes} == {"mac1", "bad"}


async def test_it_reaches_them_after_a_restart_as_well(daemons: Daemons) -> None:
    mac1, mac2, bad = await joined(daemons, "mac1", "mac2", "bad")
    word = revocation(bad.node, mac2.node.rostering.view.members["mac1"], "mine", (), ())
    await bad.down()
    await mac2.node.rostering.take([word])
    await mac2.down()
    await mac2.up()
    answer = revocation(mac1.node, mac1.node.rostering.view.members["bad"], "a thief", (), ())
    status, _, _ = await said(mac1, mac2, RosterAsk(time=0, documents=[answer]))
    assert status == 200
    assert {dispute.node for dispute in mac2.node.rostering.view.disputes} == {"mac1", "bad"}


async def put_out(daemons: Daemons) -> tuple[Daemon, Daemon]:
    """mac2, and mac1, which a machine that it had let in has put out there."""
    mac1, mac2, bad = await joined(daemons, "mac1", "mac2", "bad")
    word = revocation(bad.node, mac2.node.rostering.view.members["mac1"], "mine", (mac2.node.rostering.key,), ())
    await bad.down()
    await mac2.node.rostering.take([word])
    return mac1, mac2


async def test_nothing_but_documents_is_taken_of_who_is_out_and_it_is_told_no_more_than_why(daemons: Daemons) -> None:
    mac1, mac2 = await put_out(daemons)
    (gone,) = mac2.node.members.aside.members()
    heard_at = gone.heard_at
    assert (await said(mac1, mac2, Request(time=0, have=0, log=[], packets=[], attempt=1)))[0] == 401
    friend = admission(mac1.node, "friend", secrets.token_hex(32))
    status, answer, nonce = await said(mac1, mac2, RosterAsk(time=0, documents=[friend], buckets=["0" * 8] * 64))
    assert status == 200
    (document,) = told(mac1, mac2, answer, nonce).documents
    assert '"kind":"revocation"' in document.text and mac1.node.rostering.key in document.text
    assert gone.heard_at == heard_at
    assert mac2.node.members.get("mac1") is None


async def test_a_machine_that_is_out_and_talks_too_much_is_a_stranger(daemons: Daemons) -> None:
    mac1, mac2 = await put_out(daemons)
    found = [(await said(mac1, mac2, RosterAsk(time=0)))[0] for _ in range(BURST + 4)]
    assert found.count(200) <= BURST + 1
    assert found[-1] == 401
    assert mac2.node.counters.snapshot()["outsiders_unheard"] > 0


async def test_a_stolen_machine_answers_its_revocation_in_vain(daemons: Daemons) -> None:
    mac1, mac2, laptop = await joined(daemons, "mac1", "mac2", "laptop")
    laptop.node.members.remove = lambda node: None  # type: ignore[method-assign]  a thief drops no keys
    answer = revocation(laptop.node, laptop.node.rostering.view.members["mac1"], "mine", (), ())
    await revoke(mac1, "laptop", "stolen")
    await until(lambda: mac2.node.members.get("laptop") is None)
    for other in (mac1, mac2):
        assert (await said(laptop, other, RosterAsk(time=0, documents=[answer])))[0] == 401
        assert other.node.rostering.view.disputes == ()
