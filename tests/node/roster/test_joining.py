"""Becoming a member, over real HTTP: with a code, with a shared key, and every way in which it is refused."""

import asyncio
import json
import logging

import aiohttp
import msgspec
import pytest

from multifleet.core.card import sign_card
from multifleet.core.documents import Leave, Signed, as_card, sign
from multifleet.core.invite import Invite, join_key, join_mac, read_code, write_code
from multifleet.core.keys import Identity
from multifleet.errors import (
    BadInput,
    FleetConflict,
    InviteExpired,
    InviteWrong,
    KeyChanged,
    NotEntitled,
    PeerUnreachable,
)
from multifleet.node.roster.fleet_file import read_fleet
from multifleet.node.roster.joining import Asking, Handshake
from tests.core.wire import identity
from tests.node.fleet import until
from tests.node.served import Daemon, Daemons

KEY = "a shared key of a test fleet"


async def invited(daemon: Daemon) -> str:
    """A fresh code."""
    return (await daemon.node.invite([daemon.address])).code


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


async def test_who_answers_without_knowing_the_code_is_not_believed(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    made = read_code(await invited(mac1))
    # Mallory answers with a card and a MAC of her own making.
    mallory = daemons.new("mallory")
    await mallory.up()
    key = join_key(b"not the secret", "join")

    async def answer(body: bytes, remote: str) -> tuple[int, bytes]:
        asked = msgspec.json.decode(body, type=Handshake)
        nonce = msgspec.json.decode(asked.body, type=Asking).nonce
        letting = {
            "card": msgspec.to_builtins(as_card(mallory.node.rostering.own.card())),
            "fleet": "0" * 32,
            "nonce": "0" * 32,
            "re": nonce,
        }
        text = json.dumps(letting)
        return 200, msgspec.json.encode(Handshake(text, join_mac(key, "i", asked.body.encode() + text.encode())))

    mallory.node.join_request = answer  # type: ignore[method-assign]
    with pytest.raises(InviteWrong, match="without knowing the code"):
        await mac2.node.join(write_code(Invite("127.0.0.1", mallory.port, made.secret)), [])
    assert mac2.node.members.get("mallory") is None


HOSTILE = {
    "nothing": b"",
    "no JSON": b"\xff\x00",
    "no object": b"[]",
    "a key twice": b'{"body":"","body":"","mac":""}',
    "deep": b"[" * 8_000,
    "a string without an end": b"[" * 40 + b'"' + b'\\"' * 8_000,
    "a MAC with a newline": json.dumps({"body": "{}", "mac": "0" * 64 + "\n"}).encode(),
    "a MAC that fits nothing": json.dumps({"body": "{}", "mac": "0" * 64}).encode(),
    "a hello without a shared key": json.dumps({"body": "{}", "mac": "0" * 64, "kind": "hello"}).encode(),
    "another kind": json.dumps({"body": "{}", "mac": "0" * 64, "kind": "sudo"}).encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_words_at_the_door_are_refused_and_admit_nobody(daemons: Daemons, name: str) -> None:
    (mac1,) = await daemons.up("mac1")
    await invited(mac1)
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://{mac1.address}/join", data=HOSTILE[name], headers={"Content-Type": "application/json"}
        ) as response,
    ):
        told = json.loads(await response.read())
    assert response.status in (400, 403)
    assert told["error"]["message"]
    assert list(mac1.node.members.others()) == []


async def test_a_hostile_answer_is_shown_in_one_inert_line(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    code = await invited(mac1)

    async def answer(body: bytes, remote: str) -> tuple[int, bytes]:
        words = "\x1b[31mred\u202e\n<script>"
        return 403, json.dumps({"error": {"code": "invite_wrong", "message": words}}).encode()

    mac1.node.join_request = answer  # type: ignore[method-assign]
    with pytest.raises(InviteWrong) as told:
        await mac2.node.join(code, [])
    assert "\x1b" not in str(told.value) and "\n" not in str(told.value) and "\u202e" not in str(told.value)


async def test_codes_and_keys_are_in_no_log_line(daemons: Daemons, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        mac1, mac2, mac3 = await daemons.up("mac1", "mac2", "mac3")
        code = await invited(mac1)
        await mac2.node.join(code, [])
        with pytest.raises(InviteExpired):
            await mac3.node.join(code, [])
        await mac2.delivers("mac1")
    secret = read_code(code).secret
    identity = mac1.node.members.identity
    for text in (code, code.replace("-", ""), secret.hex(), identity.ed25519.hex(), identity.x25519.hex()):
        assert text not in caplog.text


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


async def test_machines_with_a_shared_key_find_each_other_without_a_code(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    await mac1.up()
    mac2 = daemons.new("mac2", nodes={"mac1": {"host": "127.0.0.1", "port": mac1.port}})
    await mac2.up()
    await until(lambda: mac1.node.members.get("mac2") and mac2.node.members.get("mac1"))
    await mac1.delivers("mac2")
    await mac2.delivers("mac1")
    first, second = read_fleet(mac1.home), read_fleet(mac2.home)
    assert first is not None and second is not None and first.fleet == second.fleet


async def test_a_message_to_a_configured_machine_waits_for_its_hello(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    await mac1.up()
    sent = await mac1.node.messages.send("mac2", "early")
    mac2 = daemons.new("mac2", nodes={"mac1": {"host": "127.0.0.1", "port": mac1.port}})
    await mac2.up()
    story = await mac1.node.messages.wait(sent.id, "stored", 20.0)
    assert story.reached


async def test_a_machine_that_is_not_configured_is_not_admitted_by_the_shared_key(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    await mac1.up()
    mac9 = daemons.new("mac9", nodes={"mac1": {"host": "127.0.0.1", "port": mac1.port}})
    await mac9.up()
    await until(lambda: mac1.node.counters.snapshot().get("join_refused_invite_wrong"))
    assert mac1.node.members.get("mac9") is None
    assert mac9.node.members.get("mac1") is None


async def test_another_shared_key_admits_nobody(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    await mac1.up()
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", "another key than the first")
    mac2 = daemons.new("mac2", nodes={"mac1": {"host": "127.0.0.1", "port": mac1.port}})
    await mac2.up()
    await until(lambda: mac1.node.counters.snapshot().get("join_refused_invite_wrong"))
    assert list(mac1.node.members.others()) == []


async def test_a_changed_key_under_a_shared_key_is_refused(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9}})
    await mac1.up()
    nodes = {"mac1": {"host": "127.0.0.1", "port": mac1.port}}
    mac2 = daemons.new("mac2", nodes=nodes)
    await mac2.up()
    await until(lambda: mac1.node.members.get("mac2") and mac2.node.members.get("mac1"))
    await mac2.down()
    impostor = daemons.new("mac2", home="impostor", nodes=nodes)
    await impostor.up()
    await until(lambda: mac1.node.counters.snapshot().get("join_refused_key_changed"))
    assert impostor.node.members.get("mac1") is None


async def _ends(*_: object) -> None:
    raise RuntimeError("the process ended here")


async def test_one_code_lets_in_one_machine_under_one_name(daemons: Daemons) -> None:
    (mac1,) = await daemons.up("mac1")
    invite = read_code(await invited(mac1))
    key = join_key(invite.secret, "join")
    stranger = identity("many-names")
    statuses = []
    for name in ("many-names", "many-names", "other-name"):
        card = sign_card(Identity(name, stranger.ed25519, stranger.x25519), ["10.0.0.9:8855"], 1, "0")
        body = msgspec.json.encode(Asking(card=card, nonce="0" * 32)).decode()
        handshake = Handshake(body, join_mac(key, "j", body.encode()))
        statuses.append((await mac1.node.joining.take(msgspec.json.encode(handshake), "10.0.0.9"))[0])
    assert statuses == [200, 200, KeyChanged.status]
    assert [member.node for member in mac1.node.members.others()] == ["many-names"]


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


async def test_a_recorded_join_is_answered_again_and_changes_nothing(daemons: Daemons) -> None:
    (mac1,) = await daemons.up("mac1")
    invite = read_code(await invited(mac1))
    key = join_key(invite.secret, "join")
    guest = identity("guest")
    body = msgspec.json.encode(Asking(card=sign_card(guest, ["10.0.0.9:8855"], 1, "0"), nonce="0" * 32)).decode()
    recorded = msgspec.json.encode(Handshake(body, join_mac(key, "j", body.encode())))
    assert (await mac1.node.joining.take(recorded, "10.0.0.9"))[0] == 200
    newer = sign_card(guest, ["10.0.0.8:8855"], 2, "0")
    await mac1.node.rostering.take([Signed(newer.card, newer.signature)], "guest")
    digest, member = mac1.node.rostering.digest(), mac1.node.members.need("guest")
    addresses = member.addresses
    # The thief of the recording plays it from an address of his own, while the code is good.
    assert (await mac1.node.joining.take(recorded, "10.6.6.6"))[0] == 200
    assert mac1.node.members.need("guest").addresses == addresses
    assert "10.6.6.6:8855" not in addresses
    assert mac1.node.rostering.digest() == digest
    # It does not bring back who has left, either.
    left = sign(guest, Leave(fleet=mac1.node.members.fleet, node="guest", key=guest.public.hex(), at=2**45))
    await mac1.node.rostering.take([left], "guest")
    assert mac1.node.members.get("guest") is None
    assert (await mac1.node.joining.take(recorded, "10.6.6.6"))[0] == 200
    assert mac1.node.members.get("guest") is None


async def test_the_configuration_gives_roles_to_machines_with_a_shared_key(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_NERVE_HMAC_KEY", KEY)
    mac1 = daemons.new("mac1", nodes={"mac2": {"host": "127.0.0.1", "port": 9, "role": "worker"}})
    await mac1.up()
    there = {"host": "127.0.0.1", "port": mac1.port, "role": "chief", "chief_eligible": True}
    mac2 = daemons.new("mac2", nodes={"mac1": there, "mac2": {"role": "worker"}})
    await mac2.up()
    await until(lambda: mac1.node.members.get("mac2") and mac2.node.members.get("mac1"))
    for daemon in (mac1, mac2):
        roles = {one.node: one.role for one in (await daemon.node.roster_view()).members}
        assert roles == {"mac1": "captain", "mac2": "worker"}
    with pytest.raises(NotEntitled, match="do it on mac1"):
        await mac2.node.invite([mac2.address])
