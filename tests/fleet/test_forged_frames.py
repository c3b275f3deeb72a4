"""A1, A2, A3, A5, A13: frames that were tampered with, replayed, or made by a member that turned bad."""

import json
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from multifleet.core.frame import STRANGER
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.forging import Forger, post_frame
from tests.lab.recorded_frames import recorded_frames
from tests.lab.tools import wait_for
from tests.starved import Starving

pytestmark = pytest.mark.lab


@pytest.fixture
def forger(fleet: Fleet) -> Forger:
    return Forger(fleet["mac1"], fleet["mac2"])


@contextmanager
def refused(node: FleetNode, counter: str) -> Iterator[None]:
    """No row comes of what happens inside, and the named counter grows."""
    before, rows = node.counted(counter), node.rows("SELECT count(*) FROM inbox")
    yield
    assert node.rows("SELECT count(*) FROM inbox") == rows
    assert node.counted(counter) > before, node.counters()


def served(fleet: Fleet) -> None:
    """An honest message passes."""
    message = fleet["mac1"].send("mac2", "from an honest peer")
    fleet["mac1"].wait_state(message, "stored", 20)


def mac_of(frame: bytes) -> bytes:
    return frame[: frame.index(b"\n")].rsplit(b" ", 1)[1]


TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "body changed": lambda f: f[:-1] + bytes([f[-1] ^ 1]),
    "body cut": lambda f: f[:-1],
    "body longer": lambda f: f + b"\0",
    "no body": lambda f: f[: f.index(b"\n") + 1],
    "time changed": lambda f: f.replace(f.split(b" ")[4], str(int(f.split(b" ")[4]) + 1).encode(), 1),
    "no signature": lambda f: f.replace(b" " + mac_of(f), b"", 1),
    "empty signature": lambda f: f.replace(mac_of(f), b"", 1),
    "short signature": lambda f: f.replace(mac_of(f), mac_of(f)[:-1], 1),
    "long signature": lambda f: f.replace(mac_of(f), mac_of(f) + b"0", 1),
    "signature of letters outside ASCII": lambda f: f.replace(mac_of(f), "é".encode() * 32, 1),
    "signature in upper case": lambda f: f.replace(mac_of(f), mac_of(f).upper(), 1),
    "another signature": lambda f: f.replace(mac_of(f), b"0" * 64, 1),
    "two spaces": lambda f: f.replace(b" ", b"  ", 1),
    "CR LF": lambda f: f.replace(b"\n", b"\r\n", 1),
    "nothing": lambda f: b"",
    "no line": lambda f: b"x" * 5000,
    "NUL in a name": lambda f: f.replace(b"mac1", b"mac\0", 1),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a1_a_tampered_frame_is_refused_in_the_same_words(fleet: Fleet, forger: Forger, how: str) -> None:
    frame = TAMPERED[how](forger.frame(forger.request(forger.message(str(uuid.uuid4())))))
    before = sum(count for name, count in fleet["mac2"].counters().items() if name.startswith("frame_refused"))
    starving, start = Starving(fleet["mac2"].daemon.pid), time.monotonic()
    status, answer = forger.post(frame)
    assert (status, answer) == (401, STRANGER)
    assert time.monotonic() - start - starving.seconds < 1
    after = sum(count for name, count in fleet["mac2"].counters().items() if name.startswith("frame_refused"))
    assert after == before + 1
    served(fleet)


def test_a2_a_frame_for_another_node_is_refused(fleet: Fleet, forger: Forger) -> None:
    frame = forger.frame(forger.request(forger.message(str(uuid.uuid4()))), recipient="mac3")
    with refused(fleet["mac2"], "frame_refused_wrong_recipient"):
        assert forger.post(frame) == (401, STRANGER)


def test_a2_a_frame_from_a_stranger_or_in_anothers_name_is_refused(fleet: Fleet, forger: Forger) -> None:
    packet = forger.request(forger.message(str(uuid.uuid4())))
    for sender in ("mac9", "mac2"):
        with refused(fleet["mac2"], "frame_refused_unknown_sender"):
            assert forger.post(forger.frame(packet, sender=sender)) == (401, STRANGER)


def test_a2_a_member_cannot_speak_for_another_inside_its_frame(fleet: Fleet, forger: Forger) -> None:
    forged = forger.message(str(uuid.uuid4()), **{"from": "mac3/api"})
    with refused(fleet["mac2"], "message_refused"):
        status, answer = forger.post(forger.frame(forger.request(forged)))
    assert status == 200
    assert forger.opened(answer)["answers"][0][1] == "refused"


def test_a2_unknown_sender_and_bad_signature_take_the_same_time(fleet: Fleet, forger: Forger) -> None:
    packet = forger.request(forger.message(str(uuid.uuid4()), "x" * 100_000))
    good = forger.frame(packet)
    kinds = {
        "unknown": forger.frame(packet, sender="mac9"),
        "wrong": good.replace(mac_of(good), b"0" * 64, 1),
    }
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(100):
        for kind, frame in kinds.items():
            start = time.perf_counter()
            assert forger.post(frame) == (401, STRANGER)
            took[kind].append(time.perf_counter() - start)
    unknown, wrong = (statistics.median(took[kind]) for kind in kinds)
    assert 0.75 < unknown / wrong < 1.33, (unknown, wrong)


def test_a3_a_recorded_frame_is_refused_at_once_and_after_a_restart(fleet: Fleet, forger: Forger) -> None:
    mac1, mac2 = fleet.nodes
    with fleet.without_nats(), fleet.lab.capture("tcp port 8855") as wire:
        message = mac1.send("mac2", "to be replayed")
        mac1.wait_state(message, "stored")
    frames = recorded_frames(wire.path, mac2.host)

    def replay() -> list[int]:
        return [post_frame(mac1, mac2, frame)[0] for frame in frames]

    with refused(mac2, "frame_refused_replay"):
        at_once = replay()
    mac2.kill()
    mac2.up()
    with refused(mac2, "frame_refused_replay"):
        after_restart = replay()
    assert 409 in at_once and 409 in after_restart
    assert {*at_once, *after_restart} <= {200, 409}, "only frames without a message may be read twice"
    assert mac2.rows("SELECT count(*) FROM inbox WHERE id = ?", message) == [(1,)]
    assert "stored" in mac1.states(message), "a replay ends no row"


def test_a3_a_replay_is_answered_signed_and_with_the_true_state(fleet: Fleet, forger: Forger) -> None:
    id = str(uuid.uuid4())
    frame = forger.frame(forger.request(forger.message(id)))
    assert forger.post(frame)[0] == 200
    status, answer = forger.post(frame)
    opened = forger.opened(answer)
    assert status == 409 and opened["refusal"] == "replay"
    assert opened["answers"][0][:2] == [id, "duplicate"]


def test_a3_outside_the_window_a_frame_is_refused_with_the_time(fleet: Fleet, forger: Forger) -> None:
    for offset in (-301, 301, -86_400):
        frame = forger.frame(forger.request(forger.message(str(uuid.uuid4()))), sent=time.time() + offset)
        with refused(fleet["mac2"], "frame_refused_outside_window"):
            status, answer = forger.post(frame)
        assert status == 401
        assert abs(forger.opened(answer)["time"] - time.time()) < 3


def test_a_retry_under_a_new_nonce_is_a_duplicate_and_no_replay(fleet: Fleet, forger: Forger) -> None:
    id = str(uuid.uuid4())
    answers = [forger.opened(forger.post(forger.frame(forger.request(forger.message(id))))[1]) for _ in range(3)]
    assert [a["answers"][0][1] for a in answers] == ["stored", "duplicate", "duplicate"]
    assert fleet["mac2"].rows("SELECT count(*) FROM inbox WHERE id = ?", id) == [(1,)]


def with_body(forger: Forger, raw_body: str) -> bytes:
    """A request whose message has this text, unescaped, as its body."""
    request = forger.request(forger.message(str(uuid.uuid4()), "@@"))
    return request.replace(b'"@@"', raw_body.encode("utf-8", "surrogatepass"))


HOSTILE: dict[str, Callable[[Forger], bytes]] = {
    "nesting of 1,000": lambda f: b"[" * 1000 + b"]" * 1000,
    "nesting of 100,000": lambda f: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "95,000 keys": lambda f: json.dumps({f"k{n}": n for n in range(95_000)}, separators=(",", ":")).encode()[
        :1_000_000
    ],
    "integer of 5,000 digits": lambda f: f.request(time=0).replace(b'"time":0', b'"time":' + b"9" * 5000),
    "float for a time": lambda f: f.request(time=0).replace(b'"time":0', b'"time":1.5'),
    "NaN": lambda f: f.request(time=0).replace(b'"time":0', b'"time":NaN'),
    "infinity": lambda f: f.request(time=0).replace(b'"time":0', b'"time":1e999'),
    "duplicate keys": lambda f: f.request().replace(b'"have":0', b'"have":0,"have":1'),
    "unknown key": lambda f: f.request(admin=True),
    "unknown kind": lambda f: f.request().replace(b'"request"', b'"order"'),
    "UTF-16": lambda f: f.request().decode().encode("utf-16"),
    "byte order mark": lambda f: b"\xef\xbb\xbf" + f.request(),
    "not UTF-8": lambda f: f.request().replace(b'"request"', b'"\xff\xfe"'),
    "no JSON": lambda f: b"hello",
    "empty": lambda f: b"",
    "too many packets": lambda f: f.request(*[f.message(str(uuid.uuid4())) for _ in range(65)]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a5_a_hostile_packet_is_a_400_and_blocks_nothing(fleet: Fleet, forger: Forger, what: str) -> None:
    frame = forger.frame(HOSTILE[what](forger))
    assert len(frame) < 1 << 20
    counter = ("frame_refused_not_strict", "frame_refused_bad_schema")
    before = sum(map(fleet["mac2"].counted, counter))
    starving, start = Starving(fleet["mac2"].daemon.pid), time.monotonic()
    status, answer = forger.post(frame)
    assert time.monotonic() - start - starving.seconds < 1
    assert (status, forger.opened(answer)["refusal"]) in {(400, "not_strict"), (400, "bad_schema")}
    assert sum(map(fleet["mac2"].counted, counter)) == before + 1
    served(fleet)


@pytest.mark.parametrize(
    "raw_body",
    ['"\\ud800"', '"\ud800"', "[" * 40 + "]" * 40, "NaN", '{"a":1,"a":2}', "1", "null"],
    ids=["escaped lone surrogate", "raw lone surrogate", "deep", "NaN", "duplicate keys", "number", "null"],
)
def test_a5_a_hostile_message_refuses_itself_and_stores_nothing(fleet: Fleet, forger: Forger, raw_body: str) -> None:
    rows = fleet["mac2"].rows("SELECT count(*) FROM inbox")
    status, answer = forger.post(forger.frame(with_body(forger, raw_body)))
    opened = forger.opened(answer)
    assert (status == 400 and opened["refusal"]) or opened["answers"][0][1] == "refused"
    assert fleet["mac2"].rows("SELECT count(*) FROM inbox") == rows


def test_a_bad_packet_of_a_list_refuses_only_itself(fleet: Fleet, forger: Forger) -> None:
    ids = [str(uuid.uuid4()) for _ in range(3)]
    packets = [forger.message(ids[0]), forger.message(ids[1], to="mac7"), forger.message(ids[2])]
    status, answer = forger.post(forger.frame(forger.request(*packets)))
    assert status == 200
    assert [a[1] for a in forger.opened(answer)["answers"]] == ["stored", "refused", "stored"]


def test_a13_a_forged_receipt_ends_no_row(fleet: Fleet, forger: Forger) -> None:
    mac1, mac2 = fleet.nodes
    with mac1.host.block_port(8855), fleet.without_nats():
        message = mac2.send("mac1", "nobody may say that this arrived")
        statement = [10**6, message, "seen", int(time.time() * 1000), "http", 1, "", "0" * 64]
        forger.post(forger.frame(forger.request(log=[statement])))
        assert "seen" not in mac2.states(message)
        assert mac2.open_rows() >= 1
    mac2.wait_state(message, "stored", 15)


def test_i8_each_refusal_wrote_one_line_without_the_body(fleet: Fleet, forger: Forger) -> None:
    frame = forger.frame(forger.request(forger.message(str(uuid.uuid4()), "CANARY-BODY")), recipient="mac3")
    before = fleet["mac2"].log().count("frame_refused_wrong_recipient")
    forger.post(frame)
    wait_for(lambda: fleet["mac2"].log().count("frame_refused_wrong_recipient") == before + 1, 5)
    fleet.check_no_secret("CANARY-BODY", forger.outgoing.mac.hex(), forger.outgoing.seal.hex())
