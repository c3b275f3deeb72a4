"""Becoming a member, over real HTTP: with a code, with a shared key, and every way in which it is refused."""

import asyncio

import pytest

from multifleet.core.invite import Invite, read_code, write_code
from multifleet.errors import (
    BadInput,
    FleetConflict,
    InviteExpired,
    InviteWrong,
    KeyChanged,
    PeerUnreachable,
)
from tests.node.roster.joined import invited
from tests.node.served import Daemons


async def test_joining_pins_both_sides_and_messages_flow_at_once(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    joined = await mac2.node.join(await invited(mac1), [])
    assert (joined.inviter, joined.members) == ("mac1", ["mac1", "mac2"])
    assert mac1.node.members.fleet == mac2.node.members.fleet
    await mac1.delivers("mac2")
    await mac2.delivers("mac1")


async def test_a_member_is_still_one_after_a_restart_and_after_the_loss_of_the_store(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    await mac2.node.join(await invited(mac1), [])
    for daemon in (mac1, mac2):
        await daemon.down()
        for part in daemon.home.glob("store.db*"):
            part.unlink()
        await daemon.up()
    await mac1.delivers("mac2")
    await mac2.delivers("mac1")


async def test_the_same_machine_may_ask_again_when_the_answer_was_lost(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    code = await invited(mac1)

    async def lost(*_: object) -> None:
        raise PeerUnreachable("the answer was lost")

    with monkeypatch.context() as patch:
        patch.setattr(mac2.node.membership, "enter", lost)
        with pytest.raises(PeerUnreachable):
            await mac2.node.join(code, [])
    assert mac1.node.members.get("mac2") is not None and mac2.node.members.get("mac1") is None
    await mac2.node.join(code, [])
    await mac1.delivers("mac2")


async def test_a_code_admits_one_machine(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await daemons.up("mac1", "mac2", "mac3")
    code = await invited(mac1)
    await mac2.node.join(code, [])
    with pytest.raises(InviteExpired, match="ask for a new one"):
        await mac3.node.join(code, [])
    assert mac1.node.members.get("mac3") is None
    assert mac3.node.members.get("mac1") is None
    assert mac1.node.counters.snapshot()["join_refused_invite_expired"] == 1


async def test_of_two_that_use_a_code_at_the_same_time_one_gets_in(daemons: Daemons) -> None:
    mac1, mac2, mac3 = await daemons.up("mac1", "mac2", "mac3")
    code = await invited(mac1)
    ended = await asyncio.gather(mac2.node.join(code, []), mac3.node.join(code, []), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["InviteExpired", "JoinedView"]
    assert len(list(mac1.node.members.others())) == 1


async def test_a_code_is_good_for_ten_minutes(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    code = await invited(mac1)
    mac1.time.pass_(601)
    with pytest.raises(InviteExpired, match="ten minutes"):
        await mac2.node.join(code, [])
    assert mac1.node.members.get("mac2") is None


async def test_a_code_that_nobody_made_is_refused(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    await invited(mac1)
    with pytest.raises(InviteWrong, match="no invitation fits"):
        await mac2.node.join(write_code(Invite("127.0.0.1", mac1.port, b"0123456789")), [])
    with pytest.raises(InviteWrong, match="mistyped"):
        await mac2.node.join("00000-00000-00001", [])


async def test_fleets_of_one_are_dropped_by_joining_and_fleets_with_members_are_not(daemons: Daemons) -> None:
    mac1, mac2, mac3, mac4 = await daemons.up("mac1", "mac2", "mac3", "mac4")
    await mac2.node.join(await invited(mac1), [])
    await mac4.node.join(await invited(mac3), [])
    with pytest.raises(FleetConflict, match="new MULTIFLEET_HOME"):
        await mac4.node.join(await invited(mac1), [])
    with pytest.raises(FleetConflict, match="new MULTIFLEET_HOME"):
        await mac1.node.join(await invited(mac3), [])
    await mac4.delivers("mac3")


async def test_an_invitation_survives_a_refused_attempt(daemons: Daemons) -> None:
    mac1, mac2, mac3, mac4 = await daemons.up("mac1", "mac2", "mac3", "mac4")
    await mac4.node.join(await invited(mac3), [])
    code = await invited(mac1)
    with pytest.raises(FleetConflict):
        await mac4.node.join(code, [])
    await mac2.node.join(code, [])
    await mac2.delivers("mac1")


async def test_a_machine_that_was_set_up_anew_under_an_old_name_is_refused_and_shown(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    await mac2.node.join(await invited(mac1), [])
    again = daemons.new("mac2", home="mac2-anew")
    await again.up()
    with pytest.raises(KeyChanged, match="somebody poses as it"):
        await again.node.join(await invited(mac1), [])
    assert mac1.node.counters.snapshot()["join_refused_key_changed"] == 1
    await mac1.delivers("mac2")


async def test_two_machines_of_one_name_are_told_what_to_do(daemons: Daemons) -> None:
    mac1 = (await daemons.up("mac1"))[0]
    other = daemons.new("mac1", home="other")
    await other.up()
    with pytest.raises(BadInput, match=r"both machines call themselves mac1: .*init --node mac1-2"):
        await other.node.join(await invited(mac1), [])


async def test_nobody_there_says_what_to_look_at(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    code = await invited(mac1)
    await mac1.down()
    with pytest.raises(PeerUnreachable, match="is multifleet up there"):
        await mac2.node.join(code, [])


async def test_every_address_that_was_given_is_tried(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    made = read_code(await invited(mac1))
    with_a_dead_address = write_code(Invite("127.0.0.1", 9, made.secret))
    await mac2.node.join(with_a_dead_address, ["127.0.0.1:1", mac1.address])
    await mac2.delivers("mac1")


async def test_another_program_at_the_first_address_does_not_end_the_search(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")

    async def something_else(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(something_else, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        made = read_code(await invited(mac1))
        await mac2.node.join(write_code(Invite("127.0.0.1", port, made.secret)), [mac1.address])
    await mac2.delivers("mac1")


async def test_a_crash_between_the_two_writes_of_joining_strands_nobody(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    code = await invited(mac1)

    # The process ends right after the first of its two writes.
    with monkeypatch.context() as patch:
        patch.setattr(mac2.node.store.roster, "keep", _ends)
        with pytest.raises(RuntimeError):
            await mac2.node.join(code, [])
    await mac2.down()
    await mac2.up()
    assert mac2.node.members.fleet == mac1.node.members.fleet
    await mac2.delivers("mac1")


async def _ends(*_: object) -> None:
    raise RuntimeError("the process ended here")


async def test_a_code_that_is_typed_where_it_was_made_says_where_to_type_it(daemons: Daemons) -> None:
    mac1 = (await daemons.up("mac1"))[0]
    with pytest.raises(BadInput, match="this is this machine's own code: type it on the other one"):
        await mac1.node.join(await invited(mac1), [])


async def test_a_machine_that_was_set_up_anew_comes_in_under_the_name_that_it_is_told(daemons: Daemons) -> None:
    mac1, mac2, namesake = await daemons.up("mac1", "mac2", "mac2-2")
    await mac2.node.join(await invited(mac1), [])
    await namesake.node.join(await invited(mac1), [])
    again = daemons.new("mac2", home="mac2-anew")
    await again.up()
    with pytest.raises(KeyChanged) as refused:
        await again.node.join(await invited(mac1), [])
    assert "mv ~/.multifleet ~/.multifleet.old" in str(refused.value)
    assert "multifleet init --node mac2-3; multifleet up, and join again" in str(refused.value)
    renamed = daemons.new("mac2-3", home="mac2-renamed")
    await renamed.up()
    await renamed.node.join(await invited(mac1), [])
    await mac1.delivers("mac2-3")


async def test_two_nodes_of_one_machine_without_a_network_reach_each_other(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    for daemon in (mac1, mac2):  # as one that listens everywhere, and has no address that others could reach
        daemon.node.ways.start([("0.0.0.0", daemon.port)], [daemon.address])
    await mac2.node.join(await invited(mac1), [])
    await mac2.delivers("mac1")
    await mac1.delivers("mac2")
    stored = await mac2.node.store.peers.get("mac1")
    assert stored is not None and stored.heard_from is not None  # where it was met lasts over a restart
