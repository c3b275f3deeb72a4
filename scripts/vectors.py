"""Makes the test vectors of COMMS-PROTOCOL.md with fixed inputs, so that another implementation can be checked."""

import hashlib
import hmac
import json
from typing import Any

import msgspec

from multifleet.core import frame, packets
from multifleet.core.card import sign_card
from multifleet.core.invite import Invite, fleet_of_key, join_key, join_mac, write_code
from multifleet.core.keys import Identity, PairKeys
from multifleet.core.packets import Message, Request, Statement
from multifleet.core.receipts import state_it
from scripts.roster_vectors import roster

FLEET = "00112233445566778899aabbccddeeff"
AT = 1_800_000_000
NONCE = bytes(range(16))


def vectors() -> str:
    """All vectors as one JSON document; bytes are hex, texts are texts."""
    one, two = _identity("mac1"), _identity("mac2")
    there, back = one.pair(FLEET, "mac2", two.exchange_public)
    secret = one.shared_secret(two.exchange_public)
    document = {
        "fleet": FLEET,
        "nodes": {node.node: _keys(node) for node in (one, two)},
        "shared_secret": secret.hex(),
        "prk": hmac.digest(hashlib.sha256(b"mf1" + FLEET.encode()).digest(), secret, "sha256").hex(),
        "keys": {"mac1 mac2": _pair(there), "mac2 mac1": _pair(back)},
        "renewed": _renewed(one, two),
        "frame": _frame(there),
        "statement": _statement(back),
        "codes": [_code("192.0.2.7", 8855), _code("2001:db8::7", 8855)],
        "join": _join(),
        "hello": _hello("an example of a shared key"),
        "card": _card(one),
        "roster": roster(FLEET, AT, one, two, _identity("mac3")),
    }
    return json.dumps(document, indent=2)


def _identity(node: str) -> Identity:
    def seed(purpose: str) -> bytes:
        return hashlib.sha256(f"multifleet test vector {node} {purpose}".encode()).digest()

    return Identity(node, seed("ed25519"), seed("x25519"))


def _keys(node: Identity) -> dict[str, str]:
    return {
        "ed25519_private": node.ed25519.hex(),
        "ed25519_public": node.public.hex(),
        "x25519_private": node.x25519.hex(),
        "x25519_public": node.exchange_public.hex(),
        "own_rcpt": node.own_key("rcpt").hex(),
    }


def _renewed(one: Identity, two: Identity) -> dict[str, Any]:
    """mac1 after a renewal: its newer key, and what it then shares with mac2."""
    new = hashlib.sha256(b"multifleet test vector mac1 renewed x25519").digest()
    renewed = one.rotated(new, AT, AT + packets.EXPIRES_LIMIT)
    there, back = renewed.pair(FLEET, "mac2", two.exchange_public)
    return {
        "x25519_private": renewed.x25519.hex(),
        "x25519_public": renewed.exchange_public.hex(),
        "own_rcpt": renewed.own_key("rcpt").hex(),
        "keys": {"mac1 mac2": _pair(there), "mac2 mac1": _pair(back)},
    }


def _pair(keys: PairKeys) -> dict[str, str]:
    return {"mac": keys.mac.hex(), "seal": keys.seal.hex(), "rcpt": keys.receipt.hex(), "kid": keys.kid}


def _frame(keys: PairKeys) -> dict[str, Any]:
    message = Message(
        id="01a1fbd9-42f1-7b9e-884f-a4b355d11356",
        type="context",
        from_="mac1",
        to="mac2/api",
        body="the schema changed, rebase",
        created=AT,
        expires=AT + 604_801,
        n=1,
        urgency="next-turn",
        authority="human",
    )
    request = Request(time=AT, have=7, packets=[msgspec.Raw(packets.write(message))], attempt=1)
    packet = packets.write(request)
    made = frame.seal(keys, "mac1", "mac2", AT, NONCE, packet)
    header = frame.read_header(made)
    return {
        "sent": AT,
        "nonce": NONCE.hex(),
        "packet": packet.decode(),
        "header": header.text.decode(),
        "sealed": made[len(header.text) + 66 :].hex(),
        "mac": header.mac.decode(),
        "frame": made.hex(),
    }


def _statement(keys: PairKeys) -> dict[str, Any]:
    said = state_it(
        keys.receipt,
        "mac2",
        "mac1",
        seq=8,
        id="01a1fbd9-42f1-7b9e-884f-a4b355d11356",
        state="offered",
        at=AT + 0.25,
        channel="http",
        attempt=1,
        detail="written to the inbox of session api",
    )
    return {"by": "mac2", "to": "mac1", **_named(said)}


def _named(said: Statement) -> dict[str, Any]:
    return {name: getattr(said, name) for name in said.__struct_fields__}


def _code(host: str, port: int) -> dict[str, Any]:
    secret = bytes(range(0xA0, 0xAA))
    return {
        "host": host,
        "port": port,
        "secret": secret.hex(),
        "code": write_code(Invite(host, port, secret)),
    }


def _join() -> dict[str, str]:
    secret = bytes(range(0xA0, 0xAA))
    key = join_key(secret, "join")
    asking, letting = '{"example":"what the joiner says"}', '{"example":"what the inviter says"}'
    return {
        "secret": secret.hex(),
        "key": key.hex(),
        "asking": asking,
        "asking_mac": join_mac(key, "j", asking.encode()),
        "letting": letting,
        "letting_mac": join_mac(key, "i", asking.encode() + letting.encode()),
    }


def _hello(shared: str) -> dict[str, str]:
    key = join_key(shared.encode(), "hello")
    return {"shared_key": shared, "fleet": fleet_of_key(shared.encode()), "key": key.hex()}


def _card(node: Identity) -> dict[str, str]:
    signed = sign_card(node, ["192.0.2.7:8855"], AT * 1000, "1.0.0")
    return {"card": signed.card, "signature": signed.signature}
