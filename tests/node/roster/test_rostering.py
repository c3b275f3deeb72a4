"""Who is in and who is out, on whole nodes over real HTTP: what one says, all come to know and hold to."""

import os
import time

import pytest

from multifleet.core import frame
from multifleet.core.card import sign_card
from multifleet.core.documents import Admission, from_card, sign
from multifleet.core.presence.peer import STOPPED
from multifleet.errors import NotEntitled, UnknownNode
from multifleet.node.roster.fleet_file import fleet_file
from tests.node.fleet import until
from tests.node.roster.joined import joined, known_to, let_in, revoke, settled
from tests.node.served import Daemon, Daemons
from tests.starved import starved


@pytest.mark.beside_one
async def test_a_join_is_known_to_all_of_five_within_a_second_and_each_can_write_to_each(daemons: Daemons) -> None:
    first = await joined(daemons, "mac1", "mac2", "mac3", "mac4")
    (mac5,) = await daemons.up("mac5")
    await let_in(first[1], mac5)
    began, before = time.monotonic(), starved(os.getpid())
    await until(lambda: all("mac5" in known_to(daemon) for daemon in first))
    assert time.monotonic() - began - (starved(os.getpid()) - before) < 1.0
    assert known_to(mac5) == {"mac1", "mac2", "mac3", "mac4", "mac5"}
    await first[3].delivers("mac5")
    await mac5.delivers("mac3")


async def test_the_roster_says_who_is_in_and_by_whom(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    (mac3,) = await daemons.up("mac3")
    await let_in(mac2, mac3, "worker")
    await settled([mac1, mac2, mac3])
    seen = await mac1.node.roster_view()
    assert [(one.node, one.role, one.eligible, one.by) for one in seen.members] == [
        ("mac1", "captain", True, None),
        ("mac2", "captain", True, "mac1"),
        ("mac3", "worker", False, "mac2"),
    ]
    assert (seen.chief, seen.out, seen.disputes, seen.shared_key) == ("mac1", [], [], "none")
    assert seen.digest == (await mac3.node.roster_view()).digest


async def test_a_worker_lets_nobody_in_puts_nobody_out_and_is_told_who_can(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2", role="worker")
    with pytest.raises(NotEntitled, match="mac2 is a worker and may not let others in: do it on mac1"):
        await mac2.node.invite([mac2.address])
    with pytest.raises(NotEntitled, match="may not put others out: do it on mac1"):
        await revoke(mac2, "mac1")
    await mac1.delivers("mac2")


async def test_a_recorded_word_about_the_roster_is_no_sign_of_life(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    recorded: list[bytes] = []
    frames = mac1.node.frames

    async def record(body: bytes, remote: str) -> tuple[int, bytes]:
        recorded.append(body)
        return await frames(body, remote)

    mac1.node.frames = record  # type: ignore[method-assign]
    assert await mac2.node.roster_exchange.reconcile("mac1")
    await mac2.down()
    await until(lambda: mac1.node.presence.peer("mac2").how == STOPPED)  # its last word has come
    heard_at = mac1.node.presence.peer("mac2").heard_at
    said = [await frames(body, "192.0.2.9") for body in recorded if _is_about_the_roster(mac1, body)]
    assert said and all(status == 200 for status, _ in said)
    seen = mac1.node.members.get("mac2")
    assert mac1.node.presence.peer("mac2").heard_at == heard_at
    assert seen is not None and seen.heard_from != "192.0.2.9"


def _is_about_the_roster(daemon: Daemon, body: bytes) -> bool:
    """Whether it is, and no message or question, of which each counts once."""
    opened = frame.open_frame(body, daemon.name, daemon.node.members.incoming_keys, None)
    return b'"kind":"roster_ask"' in opened.packet


async def test_leaving_tells_all_and_leaves_a_fleet_of_one_with_the_same_keys_and_inbox(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac1.delivers("mac3", "keep me")
    await mac2.down()
    lost = await mac3.node.messages.send("mac2", "too late")
    old, key = mac3.node.members.fleet, mac3.node.members.identity.public
    result = await mac3.node.leave()
    assert (result.fleet, result.told, result.given_up) == (old, ["mac1"], 1)
    assert (await mac3.node.messages.trace(lost.id)).state == "undeliverable"
    assert mac3.node.members.fleet == result.new_fleet != old
    assert known_to(mac3) == {"mac3"}
    await until(lambda: known_to(mac1) == {"mac1", "mac2"})
    await mac2.up()
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    with pytest.raises(UnknownNode):
        await mac1.node.messages.send("mac3", "hello")
    assert mac3.node.members.identity.public == key
    assert [row.body for row in await mac3.node.store.inbox.listing(10)] == ["keep me"]
    again = await mac3.node.leave()
    assert "a fleet of its own" in (again.note or "") and again.new_fleet == result.new_fleet


async def test_who_has_left_may_be_let_in_again_and_is_back_everywhere(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await joined(daemons, "mac1", "mac2", "mac3")
    await mac3.node.leave()
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    await let_in(mac2, mac3)
    await settled([mac1, mac2, mac3])
    await mac3.delivers("mac1")
    await mac1.delivers("mac3")


@pytest.mark.parametrize("lost", ["store.db*", "fleet.json"])
async def test_who_is_in_and_who_is_out_survives_the_loss_of_either_place(daemons: Daemons, lost: str) -> None:
    mac1, mac2, _ = await joined(daemons, "mac1", "mac2", "laptop")
    await revoke(mac1, "laptop", "stolen")
    await until(lambda: known_to(mac2) == {"mac1", "mac2"})
    await until(lambda: mac1.node.rostering.digest() == mac2.node.rostering.digest())
    digest, fleet = mac2.node.rostering.digest(), mac2.node.members.fleet
    await mac2.down()
    for part in mac2.home.glob(lost):
        part.unlink()
    await mac2.up()
    assert (mac2.node.rostering.digest(), mac2.node.members.fleet) == (digest, fleet)
    assert known_to(mac2) == {"mac1", "mac2"}
    await mac2.delivers("mac1")
    assert fleet_file(mac2.home).exists()


async def test_a_new_card_moves_a_member_and_an_old_one_does_not_move_it_back(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    mine = mac2.node.members.identity
    old = mac1.node.rostering.view.members["mac2"].signed_card
    assert old is not None
    now = int(mac2.node.clock.now() * 1000) + 5_000
    newer = from_card(sign_card(mine, ["127.0.0.1:9"], now, "1"))
    await mac1.node.rostering.take([newer], "mac2")
    assert mac1.node.members.need("mac2").addresses == ("127.0.0.1:9",)
    await mac1.node.rostering.take([old], "mac2")
    assert mac1.node.members.need("mac2").addresses == ("127.0.0.1:9",)


async def test_two_rosters_with_thousands_of_documents_become_equal_page_by_page(daemons: Daemons) -> None:
    mac1, mac2 = await joined(daemons, "mac1", "mac2")
    fleet, me = mac1.node.members.fleet, mac1.node.members.identity
    let_in = [
        sign(
            me,
            Admission(
                fleet=fleet,
                node=f"m{number}",
                key=f"{number:064x}",
                role="worker",
                eligible=False,
                by=me.public.hex(),
                at=number,
            ),
        )
        for number in range(1_500)
    ]
    mac1.node.rostering.tell = lambda news: None
    mac2.node.rostering.tell = lambda news: None
    await mac1.node.rostering.take(let_in[:1_000])
    await mac2.node.rostering.take(let_in[1_000:])
    assert await mac2.node.roster_exchange.reconcile("mac1")
    assert mac1.node.rostering.digest() == mac2.node.rostering.digest()
    assert len(mac1.node.rostering.view.members) == 1_502
    assert len(mac1.node.rostering.cardless()) == 1_500
    with pytest.raises(UnknownNode, match="its card has not come yet"):
        await mac1.node.messages.send("m7", "hello")
