"""P6: a machine that sleeps on another site is woken by a member beside it, with three packets, and has its mail."""

import json
from collections.abc import Iterator

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import NODE_HOME, FleetNode
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """mac1 alone on its site; mac3 sleeps beside mac2, where its card is written down: no other may name it."""
    with Fleet({"mac1": 0, "mac2": 1, "mac3": 1}) as made:
        mac3 = made["mac3"].host
        off = {"off": ["nats", "relay"]}  # which would keep it until it wakes by itself
        for name, said in (("mac1", {"channels": off}), ("mac2", {"mac_address": mac3.mac})):
            home = made[name].host.path(NODE_HOME)
            home.mkdir(parents=True, exist_ok=True)
            (home / "config.json").write_text(json.dumps({"nodes": {"mac3": {"host": mac3.ip} | said}}))
        yield made.found()


def fall_asleep(fleet: Fleet) -> None:
    """mac3 sleeps, and mac1 knows that it is not there."""
    fleet["mac3"].host.sleep()
    wait_for(lambda: not is_there(fleet["mac1"], "mac3"), 30, 0.2, "mac3 not there")


def is_there(node: FleetNode, other: str) -> bool:
    """Whether a node takes another for alive."""
    return any(m["node"] == other and m["state"] == "alive" for m in node.get("/status")["members"])


def test_a_message_wakes_its_recipient(fleet: Fleet) -> None:
    mac1, mac3 = fleet["mac1"], fleet["mac3"]
    fall_asleep(fleet)
    seen = len(fleet.lab.wol_seen)
    id = mac1.send("mac3", "good morning")
    mac1.wait_state(id, "stored", 25)
    wait_for(lambda: len(fleet.lab.wol_seen) >= seen + 3, 5, 0.05, "all packets, which one alone has woken it")
    assert [mac for _, mac in fleet.lab.wol_seen[seen:]] == [mac3.host.mac] * 3
    assert [message["body"] for message in mac3.inbox()] == ["good morning"]


def test_wake_says_each_step_and_wakes_nobody_who_is_awake(fleet: Fleet) -> None:
    mac1, mac3 = fleet["mac1"], fleet["mac3"]
    found = mac1.ask("wake", "mac3")
    assert found["awake"] and [step["step"] for step in found["steps"]] == ["health"]
    fall_asleep(fleet)
    seen = len(fleet.lab.wol_seen)
    found = mac1.ask("wake", "mac3", timeout=50)
    assert found["awake"], found
    assert [(step["step"], step["ok"]) for step in found["steps"]] == [
        ("health", False),
        ("ssh", False),
        ("wake", True),
        ("wait", True),
    ]
    assert f"3 magic packets for {mac3.host.mac} from mac2" in found["steps"][2]["words"]
    assert len(fleet.lab.wol_seen) - seen == 3
