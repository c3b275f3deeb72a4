"""What is wrong with a machine, a file or a code is said in one line, with what to do about it."""

import time
from collections.abc import Iterator

import pytest

from tests.lab.fleet import Fleet, path_of
from tests.lab.fleet_node import NODE_HOME, FleetNode

pytestmark = pytest.mark.lab


@pytest.fixture
def trio() -> Iterator[Fleet]:
    """Three nodes that are up and have not joined."""
    with Fleet(["mac1", "mac2", "mac3"], disk=None) as fleet:
        for node in fleet.nodes:
            node.cli("init")
            node.up()
        yield fleet


@pytest.fixture(scope="module")
def shared_node() -> Iterator[FleetNode]:
    with Fleet(["mac1"], disk=None) as fleet:
        (node,) = fleet.nodes
        node.cli("init")
        node.up()
        yield node


@pytest.fixture
def mac1(shared_node: FleetNode) -> Iterator[FleetNode]:
    """One node that is up, with its own configuration; both again after the test."""
    settings = path_of(shared_node, "config.json")
    own = settings.read_bytes()
    yield shared_node
    if settings.is_dir():
        settings.rmdir()
    settings.write_bytes(own)
    if not answers(shared_node):
        shared_node.daemon.wait()
        shared_node.up()


def answers(node: FleetNode) -> bool:
    """Whether its daemon is there."""
    try:
        return node.request("GET", "/health")[0] == 200
    except OSError:
        return False


def refusal(node: FleetNode, *words: str) -> str:
    """The one line in which a command that fails ends."""
    done = node.cli(*words, check=False)
    assert done.returncode == 1, done
    (line,) = done.stderr.splitlines()
    return line.lower()


def test_an_expired_code_says_so_and_to_ask_for_another(trio: Fleet) -> None:
    mac1, mac2, _ = trio.nodes
    mac1.cli("down")
    mac1.host.set_clock(0)
    mac1.up()
    code = mac1.ask("invite")["code"]
    mac1.host.set_clock(660)
    mac1.cli("down")
    mac1.up()
    line = refusal(mac2, "join", code)
    assert "invite" in line and "older than ten minutes" in line, line


def test_a_code_is_good_for_one_machine_which_may_ask_again(trio: Fleet) -> None:
    mac1, mac2, mac3 = trio.nodes
    code = mac1.ask("invite")["code"]
    assert mac2.ask("join", code)["inviter"] == "mac1"
    assert mac2.ask("join", code)["inviter"] == "mac1", "a lost answer strands nobody"
    assert "invite" in refusal(mac3, "join", code)
    assert not mac1.rows("SELECT node FROM peers WHERE node = 'mac3'")


def test_a_mistyped_code_is_told_before_anybody_is_asked(trio: Fleet) -> None:
    mac1, mac2, _ = trio.nodes
    code = mac1.ask("invite")["code"]
    other = "A" if code[3] != "A" else "B"
    assert "code" in refusal(mac2, "join", code[:3] + other + code[4:])


def test_a_node_that_comes_back_with_another_key_is_refused_and_shown(trio: Fleet) -> None:
    mac1, mac2, _ = trio.nodes
    mac2.ask("join", mac1.ask("invite")["code"])
    pinned = mac1.rows("SELECT ed25519 FROM peers WHERE node = 'mac2'")
    mac2.cli("down")
    mac2.host.run(f"rm -rf {NODE_HOME}")
    mac2.cli("init")
    mac2.up()
    line = refusal(mac2, "join", mac1.ask("invite")["code"])
    assert "key" in line, line
    assert mac1.rows("SELECT ed25519 FROM peers WHERE node = 'mac2'") == pinned
    assert "key_changed" in mac1.log() or any("key" in name for name in mac1.counters())


def test_a_fleet_with_members_does_not_join_another(trio: Fleet) -> None:
    mac1, mac2, mac3 = trio.nodes
    mac2.ask("join", mac1.ask("invite")["code"])
    line = refusal(mac2, "join", mac3.ask("invite")["code"])
    assert "fleet" in line, line


def test_a_second_daemon_names_the_first_and_leaves_it_alone(mac1: FleetNode) -> None:
    line = refusal(mac1, "up", "--foreground", "--port", "9000")
    inside = mac1.ask("status")["pid"]
    assert "already" in line and str(inside) in line, line
    assert mac1.running


def test_a_port_in_use_is_named_with_the_way_out(mac1: FleetNode) -> None:
    mac1.cli("down")
    with mac1.host.popen(["python3", "-m", "http.server", "8855"]):
        mac1.host.wait_port(8855)
        line = refusal(mac1, "up", "--foreground")
    assert "8855" in line and "--port" in line, line


@pytest.mark.parametrize("text", ['{"port": ', '{"port": "high"}', '{"prot": 8855}', "[]", "\udcff"], ids=ascii)
def test_a_config_that_cannot_be_used_is_named_with_what_is_wrong(mac1: FleetNode, text: str) -> None:
    mac1.cli("down")
    path_of(mac1, "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    line = refusal(mac1, "up", "--foreground")
    assert "config.json" in line, line
    path_of(mac1, "config.json").unlink()
    path_of(mac1, "config.json").mkdir()
    assert "config.json" in refusal(mac1, "up", "--foreground")


def test_a_damaged_store_is_set_aside_and_the_node_goes_on(trio: Fleet) -> None:
    mac1, mac2, _ = trio.nodes
    mac2.ask("join", mac1.ask("invite")["code"])
    mac1.cli("down")
    store = path_of(mac1, "store.db")
    damaged = b"not a database " * 1000
    store.write_bytes(damaged)
    for name in ("store.db-wal", "store.db-shm"):
        path_of(mac1, name).unlink(missing_ok=True)
    mac1.up()
    aside = [path for path in path_of(mac1, "").iterdir() if path.is_file() and path.read_bytes() == damaged]
    assert len(aside) == 1, "set aside, never deleted"
    checks = {check["id"]: check for check in mac1.get("/doctor")["checks"]}
    assert not checks["store"]["ok"] and checks["store"]["remedy"]
    id = mac2.send("mac1", "to the one that lost its store")
    mac2.wait_state(id, "stored", 20)


def test_a_command_without_a_daemon_says_how_to_start_one(mac1: FleetNode) -> None:
    mac1.cli("down")
    for words in (["send", "mac2", "x"], ["inbox"], ["status"], ["sessions"]):
        assert "multifleet up" in refusal(mac1, *words), words


def test_a_frozen_daemon_is_told_apart_from_none(mac1: FleetNode) -> None:
    with mac1.daemon.paused():
        begun = time.monotonic()
        assert "runs and does not answer" in refusal(mac1, "status")
        assert time.monotonic() - begun < 5


def test_without_a_keyring_keys_are_in_a_file_for_their_user_alone(mac1: FleetNode) -> None:
    keys = path_of(mac1, "keys/identity.json")
    assert keys.stat().st_mode & 0o777 == 0o600 and keys.parent.stat().st_mode & 0o777 == 0o700
    assert mac1.ask("init")["keys"] == "file"


def test_without_a_client_messages_wait_and_the_doctor_says_so(trio: Fleet) -> None:
    mac1, mac2, _ = trio.nodes
    mac2.ask("join", mac1.ask("invite")["code"])
    id = mac1.send("mac2", "for nobody yet")
    mac1.wait_state(id, "stored")
    assert mac2.ask("sessions") == {"sessions": [], "peers": [], "notes": [], "without": ["mac1"]}
    checks = {check["id"]: check for check in mac2.ask("doctor")["checks"]}
    assert checks["client"]["level"] == "warn" and "Claude Code" in checks["client"]["remedy"]
    assert [m["body"] for m in mac2.inbox()] == ["for nobody yet"]
