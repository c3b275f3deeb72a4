"""Each fault turns exactly its own check of the doctor red, and the check says what to do."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab.claude import ClaudeOnHost, mock_api_on
from tests.lab.fleet import Fleet, path_of
from tests.lab.fleet_node import FleetNode
from tests.lab.program import ROOT
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def shared_fleet() -> Iterator[Fleet]:
    with Fleet(disk="512M") as fleet:
        yield fleet.found()


def checks_of(node: FleetNode, *names: str) -> dict[str, Any]:
    """What `multifleet doctor` says, by check."""
    done = node.cli("doctor", *names, "--json", check=False, timeout=60)
    checks = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == (0 if all(check["ok"] for check in checks.values()) else 1)
    return checks


def red(node: FleetNode) -> list[str]:
    """The checks that are red; each of them says what to do."""
    found = [check for check in checks_of(node).values() if not check["ok"] and check["level"] == "fail"]
    assert all(check["remedy"] for check in found)
    return [str(check["id"]) for check in found]


def not_ok(node: FleetNode) -> list[str]:
    """The checks that are not green."""
    return [str(check["id"]) for check in checks_of(node).values() if check["level"] != "ok"]


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    """A file holds something else."""
    before, mode = (path.read_bytes(), path.stat().st_mode) if path.exists() else (None, 0o600)
    path.write_bytes(content)
    yield
    if before is None:
        path.unlink()
    else:
        path.write_bytes(before)
        path.chmod(mode)


@contextmanager
def readable_by_all(path: Path) -> Iterator[None]:
    path.chmod(0o644)
    yield
    path.chmod(0o600)


@contextmanager
def dead(node: FleetNode) -> Iterator[None]:
    node.kill()
    yield
    node.up()


@contextmanager
def port_taken(node: FleetNode) -> Iterator[None]:
    node.kill()
    with node.host.popen(["python3", "-m", "http.server", "8855"]):
        node.host.wait_port(8855)
        yield
    node.up()


def fault(name: str, fleet: Fleet) -> AbstractContextManager[Any]:
    """Each fault, in place while the block lasts."""
    mac1 = fleet["mac1"]
    match name:
        case "config":
            return changed(path_of(mac1, "config.json"), b'{"port": ')
        case "modes":
            return readable_by_all(path_of(mac1, "fleet.json"))
        case "keys":
            return changed(path_of(mac1, "keys/identity.json"), b"{}")
        case "disk":
            return mac1.host.fill_disk("/srv/data")
        case "daemon":
            return dead(mac1)
        case "frozen daemon":
            return mac1.daemon.paused()
        case _:
            return port_taken(mac1)


def test_nothing_is_red_while_nothing_is_wrong(fleet: Fleet) -> None:
    assert red(fleet["mac1"]) == red(fleet["mac2"]) == []


@pytest.mark.parametrize("name", ["config", "modes", "keys", "disk", "daemon", "frozen daemon", "port"])
def test_a_fault_turns_exactly_its_own_check_red(fleet: Fleet, name: str) -> None:
    mac1 = fleet["mac1"]
    with fault(name, fleet):
        wait_for(lambda: red(mac1) == [name.split()[-1]], 50, 0.2, f"{name} alone red, but {red(mac1)}")
    wait_for(lambda: red(mac1) == [], 50, 0.2, "nothing red any more")


def test_a_peer_that_is_away_is_told_and_is_no_fault_of_this_node(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    with mac2.host.unplug():
        wait_for(lambda: checks_of(mac1)["peers"]["level"] == "warn", 60, 0.2, "mac2 is missed")
        found = checks_of(mac1)["peers"]
        assert found["ok"] and "mac2 cannot be reached" in found["says"] and "on mac2" in found["remedy"]
        assert red(mac1) == []


@pytest.mark.real_claude
def test_a_client_without_our_hooks_turns_the_hooks_check_and_only_it(fleet: Fleet) -> None:
    mac2 = fleet["mac2"]
    with ExitStack() as stack:
        api = stack.enter_context(mock_api_on(mac2.host))
        with ClaudeOnHost(mac2.host, api, project="bare"):
            wait_for(lambda: mac2.get("/sessions?here=true")["sessions"], 60)
            wait_for(lambda: not_ok(mac2) == ["hooks"], 60, 0.2, "its hooks alone, when mac1 is met again")
            checks = checks_of(mac2)
            assert checks["hooks"]["level"] != "ok" and checks["hooks"]["remedy"]
            assert checks["client"]["level"] == "ok", checks["client"]


@pytest.mark.real_claude
def test_a_client_of_the_right_version_passes_its_self_test(fleet: Fleet) -> None:
    mac2 = fleet["mac2"]
    with mock_api_on(mac2.host) as api, ClaudeOnHost(mac2.host, api, project="tested", plugin=ROOT):
        wait_for(lambda: mac2.get("/sessions?here=true")["sessions"], 60)
        wait_for(lambda: mac2.get("/status")["clients"], 60)
        (client,) = mac2.get("/status")["clients"]
    assert (client["client"], client["version"], client["delivers_by"]) == ("claude", "2.1.329", "socket")
