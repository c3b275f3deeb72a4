"""Who is revoked is out, everywhere and for good, also where nobody could hear of it when it was said."""

import secrets
import socket
import time
import uuid
from collections.abc import Iterator

import pytest

from multifleet.core import packets
from multifleet.core.frame import STRANGER
from multifleet.core.presence.gossip import Gossip
from tests.lab.fleet import Fleet, drop_frame
from tests.lab.fleet_node import PORT, FleetNode
from tests.lab.forging import Forger, post_frame
from tests.lab.members import members_of, wait_all, wait_met, wait_state
from tests.lab.recorded_frames import recorded_frames
from tests.lab.tools import wait_for
from tests.lab.two_sites import RELAY_PORT

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAMES = ("mac1", "mac2", "mac3", "mac4", "laptop", "desk")
REASON = "stolen"


@pytest.fixture(scope="module")
def six() -> Iterator[Fleet]:
    with Fleet(NAMES, disk=None) as fleet:
        fleet.found()
        wait_met(fleet.nodes)
        yield fleet


def ended(node: FleetNode, message: str) -> tuple[str, str]:
    """(state, reason) of an outbox row that is closed, or ("", "")."""
    found = node.rows("SELECT state, reason FROM outbox WHERE id = ? AND closed_at IS NOT NULL", message)
    return (str(found[0][0]), str(found[0][1])) if found else ("", "")


def heartbeat_is_refused(forger: Forger) -> None:
    """A new, signed sign of life is as good as a stranger's."""
    wire, node = forger.sender.host.open_socket(kind=socket.SOCK_DGRAM), forger.recipient
    boot, now = secrets.token_hex(8), int(time.time() * 1_000)
    frame = forger.frame(packets.write(Gossip(kind="ping", boot=boot, count=1, re=0, incarnation=now)))
    refused = node.counted("datagram_refused_unknown_sender")
    with wire:
        wire.sendto(frame, (node.host.ip, PORT))
        wait_for(lambda: node.counted("datagram_refused_unknown_sender") > refused, 60, what="the datagram refused")


def test_a_revocation_holds_where_it_could_not_be_heard_and_mail_comes_back_with_the_reason(six: Fleet) -> None:
    mac1, mac2, mac3, mac4, laptop, desk = six.nodes
    before = Forger(laptop, mac4)
    with six.lab.partition([n.host for n in (mac1, mac2, mac3, desk)], [mac4.host, laptop.host]):
        waiting = mac2.send("laptop", "on its way to a thief")
        mac1.cli("revoke", "laptop", "--yes", "--reason", REASON)
        wait_state([mac1, mac2, mac3, desk], "laptop", "revoked", 40)
        wait_for(lambda: ended(mac2, waiting)[0] == "undeliverable", 40, what="the mail comes back")
        assert REASON in ended(mac2, waiting)[1] and "mac1" in ended(mac2, waiting)[1]
        far_side = laptop.send("mac4", "nobody here has heard of it")
        laptop.wait_state(far_side, "stored", 40)
        stuck = mac4.send("laptop", "is this still you?")
        mac4.wait_state(stuck, "stored", 40)
    took = wait_state([mac4], "laptop", "revoked", 60)
    print(f"heard of after {took:.1f} s")
    status, answer = before.post(before.frame(before.request(before.message(str(uuid.uuid4())))))
    assert (status, answer) == (401, STRANGER)
    refused = mac4.cli("send", "laptop", "too late", check=False)
    assert refused.returncode == 1 and "revoked" in refused.stderr


def test_a_revoked_machine_that_tries_everything_is_a_stranger_everywhere(six: Fleet) -> None:
    laptop, desk = six["laptop"], six["desk"]
    stayed = [node for node in six.nodes if node is not laptop]
    rows = {node.name: node.rows("SELECT count(*) FROM inbox") for node in stayed}
    planted = []
    for node in stayed:
        # Its own daemon may have heard of it, and then refuses; what it takes goes nowhere.
        status, answer = laptop.request("POST", "/message", {"to": node.name, "body": "let me in"})
        assert status == 202 or (status == 403 and REASON in answer["error"]["message"])
        forger = Forger(laptop, node)
        message = forger.message(str(uuid.uuid4()))
        for port in (PORT, RELAY_PORT):
            assert post_frame(laptop, node, forger.frame(forger.request(message)), port=port) == (401, STRANGER)
        planted.append(drop_frame(node, forger.frame(forger.request(message)), secrets.randbits(64)))
        heartbeat_is_refused(forger)
    wait_for(lambda: not any(place.exists() for place in planted), 60, what="the drop folders to be looked into")
    again = laptop.cli("join", desk.ask("invite")["code"], check=False)
    assert again.returncode == 1, "its keys are burnt: it joins anew with other ones"
    laptop.cli("revoke", "mac1", "--yes", "--reason", "revenge", check=False)
    assert {node.name: node.rows("SELECT count(*) FROM inbox") for node in stayed} == rows
    for node in stayed:
        assert members_of(node)["laptop"]["state"] == "revoked"
        wait_state([node], "mac1", "alive", 60)  # who is revoked is that for good


def test_a_roster_of_yesterday_played_back_brings_nobody_in_again(six: Fleet) -> None:
    mac1, mac2, _, mac4, laptop, _desk = six.nodes
    with six.lab.capture("tcp port 8855") as wire:
        mac2.cli("revoke", "desk", "--yes", "--reason", "sold")
        wait_state([mac1, mac4], "desk", "revoked", 40)
        mac4.kill()
        mac4.up()
        wait_met([mac1, mac2, mac4])
    recorded = {node.name: recorded_frames(wire.path, node.host) for node in (mac1, mac2, mac4)}
    assert any(recorded.values())
    for node in (mac1, mac2, mac4):
        for frame in [*recorded[node.name], *recorded["mac4"]]:
            status, _ = post_frame(laptop, node, frame)
            assert status in (200, 401, 409)
        out = {name: member["state"] for name, member in members_of(node).items()}
        assert (out["laptop"], out["desk"]) == ("revoked", "revoked")


def test_who_revoke_each_other_are_both_shown_to_a_person_and_a_third_captain_settles_it(six: Fleet) -> None:
    mac1, mac2, mac3, mac4, *_ = six.nodes
    with six.lab.partition([mac1.host, mac2.host], [mac3.host, mac4.host]):
        mac1.cli("revoke", "mac3", "--yes", "--reason", "mac3 is lost")
        mac3.cli("revoke", "mac1", "--yes", "--reason", "mac1 is lost")
    for node in (mac2, mac4):
        wait_all(
            [node],
            lambda members: all("disputes" in str(members[name]["how"]) for name in ("mac1", "mac3")),
            60,
            "both shown as revoking each other",
        )
        assert node.get("/status")["problems"]
    mac2.cli("revoke", "mac3", "--yes", "--reason", "settled")
    wait_state([mac4], "mac3", "revoked", 60)
    wait_state([mac2, mac4], "mac1", "alive", 60)
