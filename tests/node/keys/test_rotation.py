"""Whole nodes renew their keys while they talk: nothing is refused, what was proved stays proved, what is old goes."""

import asyncio
import dataclasses
import time
from unittest.mock import AsyncMock

import pytest
from msgspec import structs

from multifleet.core.receipts import State
from multifleet.errors import BadInput, KeyUnavailable
from multifleet.node.keys import keystore, rotation
from multifleet.node.keys.keystore import load_identity
from multifleet.store.store import Store
from tests.node.fleet import Machine, Machines, until
from tests.node.keys.rotating import card_of, keep_keys, refused, rotating, start_again, tell, texts

DAY = 86_400.0


async def frames(machine: Machine, to: Machine, count: int) -> None:
    """Ask and answer, as often as told."""
    member = machine.node.members.need(to.name)
    for number in range(count):
        asked = machine.node.exchange.request(member, [], [], number + 1)
        status, answer = await to.node.receiving.take(asked.frame, "memory", "memory")
        assert status == 200
        assert machine.node.exchange.open_answer(member, asked, answer).refusal == ""
        if number % 50 == 0:
            await asyncio.sleep(0)


async def talk(machine: Machine, to: Machine, body: str = "hello") -> str:
    """A message that arrived; its id."""
    sent = await machine.node.messages.send(to.name, body)
    await machine.wait(sent.id, State.STORED)
    return sent.id


async def proved(machine: Machine, id: str) -> bool:
    """Whether everything that is told of a message is proved."""
    story = await machine.node.messages.trace(id, verify=True)
    assert State.STORED in [event.state for event in story.events]
    return all(event.verified for event in story.events)


async def test_none_of_ten_thousand_frames_is_refused_while_both_renew_their_keys_again_and_again(
    fleet: Machines,
) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    sent: list[tuple[Machine, str]] = []

    async def renew(machine: Machine, other: Machine, times: int) -> None:
        for _ in range(times):
            await asyncio.sleep(0.15)
            await machine.node.rotation.start()
            sent.append((machine, await talk(machine, other)))  # before anybody has the card
            await tell(card_of(machine), other)
            sent.append((machine, await talk(machine, other)))
            sent.append((other, await talk(other, machine)))

    async with asyncio.TaskGroup() as group:
        group.create_task(frames(mac1, mac2, 2_600))
        group.create_task(frames(mac2, mac1, 2_600))
        group.create_task(renew(mac1, mac2, 4))
        group.create_task(renew(mac2, mac1, 3))
    for machine in (mac1, mac2):
        assert refused(machine) == {}
        assert all(peer.switched for peer in machine.node.rotation.view().peers)
    assert [len(machine.node.members.identity.older) for machine in (mac1, mac2)] == [4, 3]
    assert all([await proved(machine, id) for machine, id in sent])


async def test_a_peer_is_written_to_under_the_old_key_until_it_has_the_new_card(fleet: Machines) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    await mac1.node.rotation.start()
    await talk(mac1, mac2)
    assert [peer.switched for peer in mac1.node.rotation.view().peers] == [False]
    await tell(card_of(mac1), mac2)
    await talk(mac2, mac1)
    (peer,) = mac1.node.rotation.view().peers
    assert peer.switched and peer.since is not None
    assert refused(mac1) == refused(mac2) == {}


async def test_both_renew_at_once_and_the_cards_cross(fleet: Machines) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    await asyncio.gather(mac1.node.rotation.start(), mac2.node.rotation.start())
    cards = card_of(mac1), card_of(mac2)
    await asyncio.gather(talk(mac1, mac2), talk(mac2, mac1))
    await asyncio.gather(tell(cards[0], mac2), tell(cards[1], mac1))
    await asyncio.gather(talk(mac1, mac2), talk(mac2, mac1))
    for machine in (mac1, mac2):
        assert refused(machine) == {} and machine.node.rotation.view().peers[0].switched


async def test_what_was_stated_before_is_proved_after_the_old_keys_are_destroyed_on_both_sides(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "prune", AsyncMock())  # else the messages of the test are too old to be kept
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    ids = [await talk(mac1, mac2), await talk(mac1, mac1)]
    first = mac1.identity.x25519.hex().encode().hex()
    for machine, other in ((mac1, mac2), (mac2, mac1)):
        await machine.node.rotation.start()
        await tell(card_of(machine), other)
    await asyncio.gather(talk(mac1, mac2), talk(mac2, mac1))
    for machine in (mac1, mac2):
        await machine.node.rotation.check()  # notes when the peer's key was replaced
    for machine in (mac1, mac2):
        machine.time.pass_(31 * DAY)
    await asyncio.gather(talk(mac1, mac2), talk(mac2, mac1))
    for machine in (mac1, mac2):
        await machine.node.rotation.check()
    for machine, other in ((mac1, mac2), (mac2, mac1)):
        assert machine.node.members.identity.older == ()
        assert machine.node.members.need(other.name).ring.older == ()
    assert first not in texts(mac1.home)
    assert [await proved(mac1, id) for id in ids] == [True, True]
    await mac1.stop()
    await start_again(mac1)
    assert [await proved(mac1, id) for id in ids] == [True, True]
    assert refused(mac1) == refused(mac2) == {}


async def test_a_receipt_that_was_changed_in_the_store_is_no_more_proved_than_before(fleet: Machines) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    id = await talk(mac1, mac2)
    await mac1.node.rotation.start()
    await mac1.node.store.database.write(
        lambda connection, _: [connection.execute("UPDATE receipts SET at = at + 1 WHERE seq IS NOT NULL").rowcount],
        None,
    )
    assert not await proved(mac1, id)


async def test_a_peer_that_was_away_for_weeks_comes_back_and_is_understood(fleet: Machines) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    await mac2.stop()
    for days in (8, 8, 8):
        await mac1.node.rotation.start()
        mac1.time.pass_(days * DAY)
        await mac1.node.rotation.check()
    waiting = await mac1.node.messages.send("mac2", "while you were away")
    mac2.time.pass_(24 * DAY)
    await start_again(mac2)
    await talk(mac2, mac1, "I am back")
    mac1.node.outbox_of("mac2").heard_again()
    await mac1.wait(waiting.id, State.STORED)
    await tell(card_of(mac1), mac2)
    await talk(mac2, mac1)
    await talk(mac1, mac2)
    assert mac1.node.rotation.view().peers[0].switched
    assert refused(mac1) == refused(mac2) == {}


async def test_a_key_that_an_absent_member_needs_waits_for_it_and_is_gone_when_the_member_is_removed(
    fleet: Machines,
) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    await mac2.stop()
    await mac1.node.rotation.start()
    mac1.time.pass_(29 * DAY)
    await mac1.node.rotation.start()
    mac1.time.pass_(2 * DAY)
    await mac1.node.rotation.check()
    view = mac1.node.rotation.view()
    assert [key.waits_for for key in view.older] == [[], ["mac2"]]
    mac1.node.members.remove("mac2")
    await mac1.node.rotation.check()
    assert [key.waits_for for key in mac1.node.rotation.view().older] == [[]]


async def test_a_renewal_during_a_partition_is_learned_when_it_heals(fleet: Machines) -> None:
    mac1, mac2, mac3 = await rotating(fleet, "mac1", "mac2", "mac3")
    fleet.network.severed.update({"mac1"})
    await mac1.node.rotation.start()
    await tell(card_of(mac1), mac3)  # by a third machine, say
    there = await mac1.node.messages.send("mac2", "there")
    await mac1.wait(there.id, State.STORED)
    fleet.network.severed.clear()
    await talk(mac2, mac1)
    await tell(card_of(mac1), mac2)
    await asyncio.gather(talk(mac2, mac1), talk(mac3, mac1), talk(mac1, mac3))
    assert all(peer.switched for peer in mac1.node.rotation.view().peers)
    assert [refused(machine) for machine in (mac1, mac2, mac3)] == [{}, {}, {}]


async def test_a_card_from_before_the_renewal_is_refused(fleet: Machines) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    before = card_of(mac1)
    await mac1.node.rotation.start()
    mac1.time.pass_(1)
    await tell(card_of(mac1), mac2)
    await tell(before, mac2)
    assert mac2.node.members.need("mac1").row.x25519 == mac1.node.members.identity.exchange_public
    await talk(mac2, mac1)
    assert mac1.node.rotation.view().peers[0].switched


@pytest.mark.parametrize("told", [False, True])
async def test_a_node_that_dies_after_the_new_key_was_stored_goes_on_with_both(fleet: Machines, told: bool) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    id = await talk(mac1, mac2)
    await mac1.node.rotation.start()
    card = card_of(mac1)
    if told:
        await tell(card, mac2)
        await talk(mac2, mac1)
        await mac1.node.store.database.settled()
    await mac1.crash()
    await start_again(mac1)
    assert mac1.node.rotation.view().peers[0].switched is told
    await talk(mac1, mac2)
    await talk(mac2, mac1)
    if not told:
        await tell(card_of(mac1), mac2)
        await talk(mac2, mac1)
    assert mac1.node.rotation.view().peers[0].switched
    assert await proved(mac1, id)
    assert refused(mac1) == refused(mac2) == {}


async def test_a_peer_that_starts_anew_still_opens_what_comes_under_the_older_key(fleet: Machines) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    await mac1.node.rotation.start()
    late = mac1.node.exchange.request(mac1.node.members.need("mac2"), [], [], 1)
    await tell(card_of(mac1), mac2)
    await mac2.crash()
    await start_again(mac2)
    status, answer = await mac2.node.receiving.take(late.frame, "", "drop", at_rest=True)
    assert status == 200
    mac1.node.exchange.open_answer(mac1.node.members.need("mac2"), late, answer)
    await talk(mac1, mac2)
    assert refused(mac2) == {}


async def test_what_lay_in_a_folder_is_taken_until_the_old_key_is_destroyed(fleet: Machines) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    made = [mac2.node.exchange.request(mac2.node.members.need("mac1"), [], [], 1).frame for _ in range(2)]
    await mac1.node.rotation.start()
    await tell(card_of(mac1), mac2)
    await talk(mac2, mac1)
    mac1.time.pass_(29 * DAY)
    await mac1.node.rotation.check()
    assert (await mac1.node.receiving.take(made[0], "", "drop", at_rest=True))[0] == 200
    mac1.time.pass_(2 * DAY)
    await mac1.node.rotation.check()
    assert (await mac1.node.receiving.take(made[1], "", "drop", at_rest=True))[0] == 401


async def test_a_node_goes_on_talking_to_itself(fleet: Machines) -> None:
    (mac1,) = await rotating(fleet, "mac1")
    itself = mac1.node.members.need("mac1")
    late = mac1.node.exchange.request(itself, [], [], 1)
    ids = [await talk(mac1, mac1)]
    for _ in range(3):
        await mac1.node.rotation.start()
        ids.append(await talk(mac1, mac1))
    assert (await mac1.node.receiving.take(late.frame, "", "drop", at_rest=True))[0] == 200
    await mac1.stop()
    await start_again(mac1)
    ids.append(await talk(mac1, mac1))
    assert (await mac1.node.receiving.take(late.frame, "", "drop", at_rest=True))[0] == 200
    assert all([await proved(mac1, id) for id in ids])
    assert refused(mac1) == {}


async def test_the_key_is_renewed_by_itself_after_the_days_that_are_configured(fleet: Machines) -> None:
    mac1, mac2, mac3 = fleet.add("mac1", "mac2", "mac3")
    for machine, days in ((mac1, 30.0), (mac2, 7.0), (mac3, 0.0)):
        machine.identity = dataclasses.replace(machine.identity, made=float(int(machine.time.clocks().wall())))
        machine.config = structs.replace(machine.config, keyRenewalDays=days)
        keep_keys(machine)
        await machine.start()
    for passed, renewed in ((8, [0, 1, 0]), (16, [0, 2, 0]), (7, [1, 3, 0])):
        for machine in (mac1, mac2, mac3):
            machine.time.pass_(passed * DAY)
            await machine.node.rotation.check()
        assert [len(machine.node.members.identity.older) for machine in (mac1, mac2, mac3)] == renewed
    assert mac3.node.rotation.view().renews_at is None


async def test_keys_that_wait_for_their_removal_are_not_without_number_and_it_is_said_when_one_is_gone(
    fleet: Machines,
) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    for _ in range(rotation.MOST_OLDER):
        await mac1.node.rotation.start()
        mac1.time.pass_(60)
        await tell(card_of(mac1), mac2)
        await talk(mac2, mac1)
    with pytest.raises(BadInput) as refusal:
        await mac1.node.rotation.start()
    [first, *_] = sorted(mac1.node.rotation.view().older, key=lambda key: key.removed_after)
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(first.removed_after))
    assert f"possible after {when} (multifleet rotate-keys --show" in str(refusal.value)
    assert "messages under them may still arrive" in str(refusal.value)
    mac1.time.pass_(first.removed_after - mac1.node.clock.now() + 1)
    await mac1.node.rotation.check()
    await mac1.node.rotation.start()


async def test_where_a_renewal_waits_for_somebody_who_is_away_that_is_said(fleet: Machines) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    await mac2.stop()
    await mac1.node.rotation.start()
    assert mac1.node.rotation.view().older[-1].waits_for == ["mac2"]
    identity = mac1.node.members.identity
    kept = identity.older[-1:] * rotation.MOST_OLDER
    mac1.node.members._identity = dataclasses.replace(identity, older=kept)
    with pytest.raises(BadInput, match=r"possible after .* and mac2 was heard again, or is out \("):
        await mac1.node.rotation.start()


async def test_a_key_that_cannot_be_stored_is_not_used_and_the_operation_says_why(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2 = await rotating(fleet, "mac1", "mac2")
    before = mac1.node.members.identity
    with monkeypatch.context() as patched:
        patched.setattr(keystore, "write_private", _full)
        with pytest.raises(KeyUnavailable, match="No space"):
            await mac1.node.rotate_keys(False)
    assert mac1.node.members.identity is before
    assert load_identity(mac1.home, {}) == before
    await talk(mac1, mac2)


async def test_what_a_daemon_that_died_left_behind_is_removed_at_the_next_start(fleet: Machines) -> None:
    (mac1,) = await rotating(fleet, "mac1")
    await mac1.stop()
    left = mac1.home / "keys" / ".identity.json.0a0b0c0d"
    left.write_text("half of a key")
    await start_again(mac1)
    await until(lambda: not left.exists())


def _full(*args: object, **kwargs: object) -> None:
    raise OSError(28, "No space left on device")
