"""F17: a disk that is full, at the receiver, at the sender, and one that went read-only."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import NODE_HOME, FleetNode
from tests.lab.tools import sh, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

BIG = "x" * 100_000


@pytest.fixture(scope="module")
def shared_fleet() -> Iterator[Fleet]:
    with Fleet(disk=None) as fleet:
        for node in fleet.nodes:
            node.small_disk("24M")
        yield fleet.found()


def refused_507(node: FleetNode, to: str) -> bool:
    """Whether the next large message is refused for want of space, and not accepted."""
    status, answer = node.request("POST", "/message", {"to": to, "body": BIG})
    if status == 202:
        node.accepted[answer["id"]] = to
        return False
    assert status == 507, (status, answer)
    assert "disk" in answer["error"]["message"] or "space" in answer["error"]["message"], answer
    return True


def degraded(node: FleetNode) -> str | None:
    return node.get("/status")["degraded"]


def test_f17_a_full_disk_at_the_receiver_is_back_pressure_and_heals_without_a_restart(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    pid = mac2.daemon.pid
    with mac2.fill_disk():
        waiting = [mac1.send("mac2", BIG) for _ in range(3)]
        wait_for(lambda: mac2.counted("frame_refused_store_unavailable"), 60, what="a signed 507")
        assert degraded(mac2)
        assert mac1.states(waiting[-1]) == ["queued"]
        states = {c["channel"]: c["state"] for c in mac1.get("/channels?peer=mac2")["channels"]}
        assert states["http"] == "healthy", "a signed refusal is the channel's success"
    for message in waiting:
        mac1.wait_state(message, "stored", 60)
    wait_for(lambda: degraded(mac2) is None, 60, what="no longer degraded")
    assert mac2.daemon.pid == pid and mac2.running


def test_f17_a_full_disk_at_the_sender_is_a_507_and_never_a_202(fleet: Fleet) -> None:
    mac1, _ = fleet.nodes
    with mac1.fill_disk():
        wait_for(lambda: refused_507(mac1, "mac2"), 60, what="a 507")
        assert degraded(mac1)
        said = mac1.cli("send", "mac2", "-", input=BIG, check=False)
        assert said.returncode == 1 and len(said.stderr.splitlines()) == 1
    message = mac1.send("mac2", BIG)
    mac1.wait_state(message, "stored", 60)
    wait_for(lambda: degraded(mac1) is None, 60, what="no longer degraded")


FLAG = "/srv/read-only"


@contextmanager
def able_to_go_read_only(node: FleetNode) -> Iterator[None]:
    """The daemon runs on a file system that answers EROFS while FLAG exists."""
    library = node.host.path("/srv/readonly.so")
    source = Path(__file__).parents[1] / "lab" / "readonly.c"
    sh("cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl")
    node.cli("down")
    node.up(
        environment={
            "LD_PRELOAD": "/srv/readonly.so",
            "READONLY_FLAG": FLAG,
            "READONLY_BELOW": NODE_HOME,
        }
    )
    yield
    node.cli("down")
    node.up()


def test_f17_a_disk_gone_read_only_takes_nothing_and_recovers_without_a_restart(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    with able_to_go_read_only(mac2):
        flag = mac2.host.path(FLAG)
        flag.touch()
        waiting = mac1.send("mac2", "to a read-only disk")
        wait_for(lambda: mac2.counted("frame_refused_store_unavailable"), 60, what="a signed 507")
        status, answer = mac2.request("POST", "/message", {"to": "mac1", "body": "from a read-only disk"})
        assert status == 507, answer
        assert degraded(mac2)
        assert "stored" not in mac1.states(waiting)
        flag.unlink()
        mac1.wait_state(waiting, "stored", 60)
        message = mac2.send("mac1", "writable again")
        mac2.wait_state(message, "stored", 60)
        wait_for(lambda: degraded(mac2) is None, 60, what="no longer degraded")


def test_a_daemon_does_not_start_on_a_read_only_disk_and_says_so_in_one_line(fleet: Fleet) -> None:
    mac2 = fleet["mac2"]
    mac2.cli("down")
    with mac2.host.read_only(NODE_HOME):
        said = mac2.cli("up", "--foreground", check=False)
    assert said.returncode == 1 and len(said.stderr.splitlines()) == 1, said
    assert "read-only" in said.stderr.lower(), said.stderr
    mac2.up()
