"""The published test vectors against a second implementation, written from COMMS-PROTOCOL.md alone.

Nothing of the product is imported here: only hash functions, HMAC, and the primitives of RFC 7748, 8032 and 8439.
"""

import hashlib
import hmac
import ipaddress
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PAGE = Path(__file__).resolve().parents[2] / "COMMS-PROTOCOL.md"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def published() -> Any:
    found = re.search(r"<!-- printed: vectors -->\n```json\n(.*?)```\n", PAGE.read_text(), re.DOTALL)
    assert found
    return json.loads(found[1])


VECTORS = published()
NODES = VECTORS["nodes"]
unhex = bytes.fromhex


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def test_a_renewed_key_makes_other_pairwise_keys_and_the_same_own_one() -> None:
    vector = VECTORS["renewed"]
    private = X25519PrivateKey.from_private_bytes(unhex(vector["x25519_private"]))
    assert private.public_key().public_bytes_raw().hex() == vector["x25519_public"]
    theirs = unhex(NODES["mac2"]["x25519_public"])
    secret = private.exchange(X25519PublicKey.from_public_bytes(theirs))
    prk = mac(hashlib.sha256(b"mf1" + VECTORS["fleet"].encode()).digest(), secret)
    publics = {"mac1": unhex(vector["x25519_public"]), "mac2": theirs}
    for direction, keys in vector["keys"].items():
        sender, recipient = direction.split()
        info = f" {sender} {recipient} ".encode() + publics[sender] + publics[recipient] + b"\x01"
        for purpose in ("mac", "seal", "rcpt"):
            assert mac(prk, f"mf1 {purpose}".encode() + info).hex() == keys[purpose]
        assert mac(prk, b"mf1 kid" + info)[:8].hex() == keys["kid"] != VECTORS["keys"][direction]["kid"]
    assert vector["own_rcpt"] == NODES["mac1"]["own_rcpt"]


def shared_secret(mine: str, theirs: str) -> bytes:
    private = X25519PrivateKey.from_private_bytes(unhex(NODES[mine]["x25519_private"]))
    return private.exchange(X25519PublicKey.from_public_bytes(unhex(NODES[theirs]["x25519_public"])))


def derived(purpose: str, sender: str, recipient: str) -> bytes:
    prk = mac(hashlib.sha256(b"mf1" + VECTORS["fleet"].encode()).digest(), shared_secret(sender, recipient))
    publics = unhex(NODES[sender]["x25519_public"]) + unhex(NODES[recipient]["x25519_public"])
    return mac(prk, f"mf1 {purpose} {sender} {recipient} ".encode() + publics + b"\x01")


@pytest.mark.parametrize("node", ["mac1", "mac2"])
def test_public_keys_belong_to_the_private_ones(node: str) -> None:
    keys = NODES[node]
    exchange = X25519PrivateKey.from_private_bytes(unhex(keys["x25519_private"])).public_key()
    signing = Ed25519PrivateKey.from_private_bytes(unhex(keys["ed25519_private"])).public_key()
    assert exchange.public_bytes_raw().hex() == keys["x25519_public"]
    assert signing.public_bytes_raw().hex() == keys["ed25519_public"]


def test_both_nodes_come_to_the_same_secret() -> None:
    assert shared_secret("mac1", "mac2") == shared_secret("mac2", "mac1") == unhex(VECTORS["shared_secret"])
    salt = hashlib.sha256(b"mf1" + VECTORS["fleet"].encode()).digest()
    assert mac(salt, unhex(VECTORS["shared_secret"])).hex() == VECTORS["prk"]


@pytest.mark.parametrize("direction", ["mac1 mac2", "mac2 mac1"])
def test_each_direction_has_its_own_keys(direction: str) -> None:
    sender, recipient = direction.split()
    keys = VECTORS["keys"][direction]
    for purpose in ("mac", "seal", "rcpt"):
        assert derived(purpose, sender, recipient).hex() == keys[purpose]
    assert derived("kid", sender, recipient)[:8].hex() == keys["kid"]


def test_the_frame_is_made_byte_for_byte() -> None:
    vector, keys = VECTORS["frame"], VECTORS["keys"]["mac1 mac2"]
    header = f"mf1 mac1 mac2 {keys['kid']} {vector['sent']} {vector['nonce']}".encode()
    cipher = ChaCha20Poly1305(mac(unhex(keys["seal"]), unhex(vector["nonce"])))
    sealed = cipher.encrypt(bytes(12), vector["packet"].encode(), header)
    signature = mac(unhex(keys["mac"]), header + b"\n" + sealed).hex()
    assert header.decode() == vector["header"]
    assert sealed.hex() == vector["sealed"]
    assert signature == vector["mac"]
    assert (header + b" " + signature.encode() + b"\n" + sealed).hex() == vector["frame"]


def test_the_frame_opens_with_the_recipients_keys_and_with_no_others() -> None:
    first, _, sealed = unhex(VECTORS["frame"]["frame"]).partition(b"\n")
    header, _, signature = first.rpartition(b" ")
    nonce = unhex(header.split(b" ")[5].decode())
    assert mac(derived("mac", "mac1", "mac2"), header + b"\n" + sealed).hex().encode() == signature
    opened = ChaCha20Poly1305(mac(derived("seal", "mac1", "mac2"), nonce)).decrypt(bytes(12), sealed, header)
    assert json.loads(opened)["packets"][0]["body"] == "the schema changed, rebase"
    with pytest.raises(InvalidTag):
        ChaCha20Poly1305(mac(derived("seal", "mac2", "mac1"), nonce)).decrypt(bytes(12), sealed, header)


def test_a_statement_is_signed_for_its_addressee() -> None:
    said = VECTORS["statement"]
    line = (
        f"mf1 rcpt {said['by']} {said['to']} {said['seq']} {said['id']} {said['state']} {said['at']} "
        f"{said['channel'] or '-'} {said['attempt']}\n{said['detail']}"
    )
    assert mac(derived("rcpt", said["by"], said["to"]), line.encode()).hex() == said["mac"]
    assert mac(derived("rcpt", said["to"], said["by"]), line.encode()).hex() != said["mac"]


@pytest.mark.parametrize("vector", VECTORS["codes"], ids=lambda vector: str(vector["host"]))
def test_a_join_code_reads_as_address_port_and_secret(vector: dict[str, Any]) -> None:
    values = [CROCKFORD.index(letter) for letter in vector["code"] if letter != "-"]
    total = 0
    for place, value in enumerate(reversed(values)):
        product = value * (1 + place % 2)
        total += product // 32 + product % 32
    assert total % 32 == 0
    bits = "".join(f"{value:05b}" for value in values[:-1])
    whole = len(bits) // 8 * 8
    assert set(bits[whole:]) <= {"0"}
    data = int(bits[:whole], 2).to_bytes(whole // 8, "big")
    version, size = data[0] >> 4, 4 * (data[0] & 15)
    assert version == 1
    assert str(ipaddress.ip_address(data[1 : 1 + size])) == vector["host"]
    assert int.from_bytes(data[1 + size : 3 + size], "big") == vector["port"]
    assert data[3 + size :].hex() == vector["secret"]


def test_both_sides_of_a_join_prove_the_secret() -> None:
    vector = VECTORS["join"]
    key = mac(mac(bytes(32), unhex(vector["secret"])), b"mf1 join\x01")
    assert key.hex() == vector["key"]
    assert mac(key + b"j", vector["asking"].encode()).hex() == vector["asking_mac"]
    both = vector["asking"].encode() + vector["letting"].encode()
    assert mac(key + b"i", both).hex() == vector["letting_mac"]


def test_a_shared_key_names_the_fleet_and_makes_the_key_of_a_hello() -> None:
    vector = VECTORS["hello"]
    shared = vector["shared_key"].encode()
    assert hashlib.sha256(b"mf1 fleet" + shared).digest()[:16].hex() == vector["fleet"]
    assert mac(mac(bytes(32), shared), b"mf1 hello\x01").hex() == vector["key"]


def test_a_card_is_signed_by_the_key_that_it_names() -> None:
    vector = VECTORS["card"]
    card = json.loads(vector["card"])
    public = Ed25519PublicKey.from_public_bytes(unhex(card["ed25519"]))
    public.verify(unhex(vector["signature"]), vector["card"].encode())
    assert card["ed25519"] == NODES["mac1"]["ed25519_public"]
    assert card["x25519"] == NODES["mac1"]["x25519_public"]


@pytest.mark.parametrize("node", ["mac1", "mac2"])
def test_what_a_node_states_to_itself_is_under_a_key_of_its_identity(node: str) -> None:
    prk = mac(hashlib.sha256(b"mf1 own").digest(), unhex(NODES[node]["ed25519_private"]))
    assert mac(prk, f"mf1 own rcpt {node}".encode() + b"\x01").hex() == NODES[node]["own_rcpt"]


def slot_of(document: dict[str, Any]) -> str:
    match document.get("kind"):
        case "admission":
            return f"admission {document['key']} {document['by']} {document['role']}"
        case "revocation":
            return f"revocation {document['key']} {document['by']}"
        case "leave":
            return f"leave {document['key']}"
    return f"card {document['ed25519']} {document['node']}"


@pytest.mark.parametrize("vector", VECTORS["roster"]["documents"])
def test_a_document_is_signed_named_and_put_into_a_bucket(vector: dict[str, Any]) -> None:
    document = json.loads(vector["text"])
    signer = document.get("by") or document.get("key") or document["ed25519"]
    public = Ed25519PublicKey.from_public_bytes(unhex(signer))
    public.verify(unhex(vector["signature"]), vector["text"].encode())
    assert hashlib.sha256((vector["signature"] + vector["text"]).encode()).hexdigest()[:32] == vector["id"]
    assert hashlib.sha256(slot_of(document).encode()).digest()[0] % 64 == vector["bucket"]


def test_the_digest_of_a_roster_is_over_the_ids_in_its_buckets() -> None:
    buckets: list[list[str]] = [[] for _ in range(64)]
    for vector in VECTORS["roster"]["documents"]:
        buckets[vector["bucket"]].append(vector["id"])
    digests = b"".join(hashlib.sha256("".join(sorted(names)).encode()).digest() for names in buckets)
    assert hashlib.sha256(digests).hexdigest()[:16] == VECTORS["roster"]["digest"]


def test_the_documents_come_to_what_the_page_says() -> None:
    founder, documents = VECTORS["roster"]["founder"], VECTORS["roster"]["documents"]
    read = [json.loads(vector["text"]) for vector in documents]
    [revoked] = [each for each in read if each.get("kind") == "revocation"]
    assert revoked["by"] == founder
    captains, members = {founder}, {"mac1": "captain"}
    for each in read:
        stands = each.get("by") != revoked["key"] or each["key"] in revoked["admitted"]
        if each.get("kind") == "admission" and each["by"] in captains and stands:
            captains |= {each["key"]} if each["role"] == "captain" else set()
            members |= {each["node"]: each["role"]} if each["key"] != revoked["key"] else {}
    assert members == VECTORS["roster"]["members"] == {"mac1": "captain", "mac3": "worker"}
    assert VECTORS["roster"]["out"] == {"mac2": "revoked"}


def test_an_admission_that_is_dated_back_counts_from_its_signers_own() -> None:
    vector = VECTORS["roster"]["dated_back"]
    two, three, thief = (json.loads(each["text"]) for each in vector["documents"])
    assert thief["at"] < two["at"] < three["at"] and thief["by"] == three["key"]
    assert vector["members"]["mac2"] == [two["key"], two["at"]]
    assert vector["out"] == {thief["key"]: ["mac2", "name-taken", three["at"]]}
