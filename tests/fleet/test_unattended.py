"""Machines that nobody sits at: a shared key and a static config, instead of a code."""

import json
import secrets
from collections.abc import Iterator

import pytest

from tests.lab.fleet import Fleet, path_of
from tests.lab.fleet_node import NODE_HOME, FleetNode
from tests.lab.tools import LabError

pytestmark = pytest.mark.lab

KEY = secrets.token_hex(32)
NAMES = ("mac1", "mac2", "mac3")


@pytest.fixture(scope="module")
def machines() -> Iterator[Fleet]:
    """Three machines; mac1 and mac2 are in each other's configuration, mac3 knows the key and is in none."""
    with Fleet(NAMES, disk=None) as fleet:
        addresses = {node.name: {"host": node.host.ip} for node in fleet.nodes}
        for node in fleet.nodes:
            known = [name for name in ("mac1", "mac2") if name != node.name]
            node.host.path(NODE_HOME).mkdir(mode=0o700, parents=True)
            config = {"nodes": {name: addresses[name] for name in known}}
            path_of(node, "config.json").write_text(json.dumps(config))
            node.cli("init")
            node.up(environment={"FLEET_NERVE_HMAC_KEY": KEY})
        yield fleet


def wait_through(source: FleetNode, target: FleetNode, text: str) -> None:
    id = source.send(target.name, text)
    source.wait_state(id, "stored", 20)


def test_configured_machines_with_the_same_key_reach_each_other(machines: Fleet) -> None:
    mac1, mac2, _ = machines.nodes
    wait_through(mac1, mac2, "there")
    wait_through(mac2, mac1, "and back")
    machines.check()


def test_a_machine_that_is_not_configured_is_not_let_in_by_the_key(machines: Fleet) -> None:
    mac1, _, mac3 = machines.nodes
    id = mac3.send("mac1", "I know the key")
    with pytest.raises(LabError):
        mac3.wait_state(id, "stored", 4)
    assert not mac1.rows("SELECT node FROM peers WHERE node = 'mac3'")
    assert "I know the key" not in [m["body"] for m in mac1.inbox()]


def test_a_machine_with_another_key_is_not_let_in(machines: Fleet) -> None:
    mac1, mac2, _ = machines.nodes
    mac2.cli("down")
    mac2.host.run(f"rm -rf {NODE_HOME}/keys {NODE_HOME}/fleet.json {NODE_HOME}/store.db*")
    mac2.cli("init")
    mac2.up(environment={"FLEET_NERVE_HMAC_KEY": secrets.token_hex(32)})
    id = mac2.send("mac1", "from an impostor")
    with pytest.raises(LabError):
        mac2.wait_state(id, "stored", 4)
    assert "from an impostor" not in [m["body"] for m in mac1.inbox()]
    assert mac1.running


def test_the_shared_key_shows_in_no_log_and_no_answer(machines: Fleet) -> None:
    for node in machines.nodes:
        texts = [node.log(), *(json.dumps(node.get(path)) for path in ("/status", "/peers", "/stats", "/doctor"))]
        assert KEY not in "\n".join(texts)
