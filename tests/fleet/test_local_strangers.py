"""A15, A8: another user of the same machine, and files planted where the daemon looks."""

import contextlib
import os
import socket
from pathlib import Path

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import NODE_HOME, PORT, FleetNode
from tests.lab.tools import wait_for

pytestmark = pytest.mark.lab

PYTHON = "/usr/bin/python3"
"""The system's: another user may not enter the folder of our own."""

SEND_AND_CLOSE = """
import socket, struct, sys
body = b'{"to":"mac2","body":"from another user"}'
head = b"POST /message HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Type: application/json\\r\\n"
head += b"Content-Length: %d\\r\\n\\r\\n"
for linger in (0, 1):
    for _ in range(50):
        link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        if linger:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.sendall(head % len(body) + body)
        link.close()
"""


def test_a15_every_file_of_the_home_is_for_its_user_alone(fleet: Fleet) -> None:
    fleet.wait_nats()
    home = fleet["mac1"].host.path(NODE_HOME)
    assert home.stat().st_mode & 0o777 == 0o700
    found = [Path(folder) / name for folder, folders, files in os.walk(home) for name in (*folders, *files)]
    looked_at = 0
    for path in found:
        with contextlib.suppress(FileNotFoundError):  # the daemon goes on, and so do its files
            mode = path.lstat().st_mode & 0o777
            looked_at += 1
            assert mode & 0o077 == 0, f"{path.relative_to(home)} has mode {mode:o}"
    assert looked_at > 20


def test_a15_another_user_reads_no_key_no_token_and_no_store(fleet: Fleet) -> None:
    host = fleet["mac1"].host
    for name in ("keys/identity.json", "store.db", "token", "config.json", "fleet.json", "logs/daemon.log"):
        said = host.run(["cat", f"{NODE_HOME}/{name}"], user="mallory", check=False)
        assert said.returncode and not said.stdout, name
    reach = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect('{NODE_HOME}/socket')"
    assert "PermissionError" in host.run([PYTHON, "-c", reach], user="mallory", check=False).stderr


def test_a15_another_user_is_refused_at_the_port(fleet: Fleet) -> None:
    host = fleet["mac1"].host
    for method, path in (
        ("POST", "message"),
        ("GET", "inbox"),
        ("GET", "status"),
        ("POST", "down"),
        ("POST", "invite"),
        ("POST", "mcp"),
    ):
        said = host.run(
            f"curl -s -o /dev/null -w '%{{http_code}}' -X {method} http://127.0.0.1:{PORT}/{path}"
            " -H 'Content-Type: application/json' -H 'Authorization: Bearer guess' -d '{}'",
            user="mallory",
        ).stdout
        assert said == "401", (method, path, said)
    assert host.run(f"curl -s http://127.0.0.1:{PORT}/health", user="mallory").stdout.strip() == "ok"


def test_a15_sending_and_closing_at_once_gets_nothing_done_either(fleet: Fleet) -> None:
    mac1 = fleet["mac1"]
    mac1.host.run([PYTHON, "-c", SEND_AND_CLOSE, str(PORT)], user="mallory")
    mac1.get("/status")
    assert mac1.rows("SELECT count(*) FROM outbox") == mac1.rows(
        "SELECT count(*) FROM outbox WHERE packet NOT LIKE '%from another user%'"
    )
    bodies = [m["body"] for m in fleet["mac2"].inbox()]
    assert "from another user" not in bodies


def planted(node: FleetNode, kind: str, inside: str) -> None:
    """Put something there that is no regular file of ours."""
    path = node.host.path(inside)
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "symlink":
            path.symlink_to(f"{NODE_HOME}/keys/identity.json")
        case "FIFO":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as link:
                link.bind(str(path))
        case "foreign file":
            path.write_text("planted by somebody else")
            os.chown(path, 1001, 1001)


@pytest.mark.parametrize("kind", ["symlink", "FIFO", "folder", "socket", "foreign file"])
def test_a8_what_is_planted_in_the_drop_folder_is_not_followed_and_blocks_nothing(fleet: Fleet, kind: str) -> None:
    mac1, mac2 = fleet.nodes
    planted(mac2, kind, f"{NODE_HOME}/drop/planted-{kind.replace(' ', '-')}")
    mac2.kill()
    mac2.up()
    message = mac1.send("mac2", f"past a {kind}")
    mac1.wait_state(message, "stored", 20)
    assert not any("planted" in m["body"] for m in mac2.inbox())
    wait_for(lambda: mac2.get("/status")["node"] == "mac2", 20)
    fleet.check_no_secret("planted by somebody else")
