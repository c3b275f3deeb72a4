"""Who says at the door what it may not say, or takes the other side's place there, is refused and shown inert."""

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
    InviteExpired,
    InviteWrong,
    KeyChanged,
)
from multifleet.node.roster.joining import Asking, Handshake
from tests.core.wire import identity
from tests.node.roster.joined import invited
from tests.node.served import Daemons


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
