"""A16: secrets and words that must never show, looked for everywhere after everything has gone wrong."""

import json
import re
import secrets
import uuid
from pathlib import Path

import pytest

from multifleet.node.keys.keystore import load_identity
from tests.lab.fleet import Fleet
from tests.lab.fleet_node import NODE_HOME, FleetNode
from tests.lab.forging import Forger

pytestmark = pytest.mark.lab


def keys_of(node: FleetNode) -> list[str]:
    """The node's private keys, its token and the logins at its NATS server, as they would look in a text."""
    home = node.host.path(NODE_HOME)
    identity = load_identity(home, {})
    found = [identity.ed25519.hex(), *(key.private.hex() for key in identity.exchange_keys)]
    token = home / "token"
    found += [token.read_text().strip()] if token.exists() else []
    for told in (home / "nats" / "server.conf", home / "nats" / "chief.json"):
        if told.exists():
            found += re.findall(r'"password":\s*"([^"]+)"', told.read_text())
    return found


def command_lines(node: FleetNode) -> str:
    """What `ps` shows of every process of the host, its environment included."""
    texts = []
    for pid in node.host.pids():
        for name in ("cmdline", "environ"):
            try:
                texts.append(Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace"))
            except OSError:
                continue  # it ended meanwhile
    return "\n".join(texts)


def test_a16_no_secret_shows_in_any_log_answer_process_list_or_packet(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    canary = f"CANARY-{secrets.token_hex(8)}"
    looked_at: list[str] = []
    fleet.wait_nats()
    assert all(len(keys_of(node)) >= 3 for node in fleet.nodes), "each has a login at the NATS server"
    with fleet.lab.capture("ip") as wire:
        id = mac1.send("mac2", canary, subject=canary, thread=canary)
        mac1.wait_state(id, "stored")
        looked_at += [command_lines(mac1), command_lines(mac2)]
        forger = Forger(mac1, mac2)
        hostile = [
            forger.frame(forger.request(forger.message(str(uuid.uuid4()), canary), bad=canary)),
            forger.frame(forger.request(forger.message("no id", canary))),
            forger.frame(canary.encode()),
            forger.frame(forger.request(forger.message(str(uuid.uuid4()), canary)), recipient="mac3"),
        ]
        for frame in hostile:
            forger.post(frame)
        for body in (
            {"to": "mac9", "body": canary},
            {"to": "mac2", "body": canary, "type": "nonsense"},
            {canary: 1},
        ):
            mac1.request("POST", "/message", body)
        mac1.host.http("GET", mac2.host.ip, 8855, f"/{'x' * 20}", headers={"Host": "mac2"})
        with mac2.host.block_port(8855, how="reset"):
            waiting = mac1.send("mac2", canary)
            mac1.cli("send", "mac2", "-", "--wait", "stored", "--timeout", "1", input=canary, check=False)
            looked_at.append(json.dumps(mac1.get("/channels")))
        mac1.wait_state(waiting, "stored")
        mac1.kill()
        mac1.up()
        mac1.cli("doctor", check=False)
        looked_at.append(mac1.cli("rotate-keys").stdout)
        looked_at.append(json.dumps(mac1.ask("rotate-keys", "--show")))
        mac1.wait_state(mac1.send("mac2", canary), "stored")
    for node in fleet.nodes:
        for path in (
            "/health",
            "/status",
            "/stats",
            "/peers",
            "/channels",
            "/doctor",
            "/outbox",
            "/sessions",
        ):
            looked_at.append(json.dumps(node.get(path)))
        looked_at.append(node.log())
    packets = wire.path.read_bytes()
    assert canary not in "\n".join(text for text in looked_at if '"subject"' not in text)
    assert canary.encode() not in packets, "sealed on the wire"
    for node in fleet.nodes:
        for key in keys_of(node):
            assert key not in "\n".join(looked_at)
            assert key.encode() not in packets


def test_a16_a_text_given_on_standard_input_is_in_no_command_line(fleet: Fleet) -> None:
    mac1, _ = fleet.nodes
    canary = f"CANARY-{secrets.token_hex(8)}"
    command = f"printf %s {canary[:10]}${{X}} | multifleet send mac2 - --wait seen --timeout 2"
    waiting = mac1.host.popen(command, env={"X": canary[10:]})
    seen = [line for _ in range(20) for line in command_lines(mac1).split("\0") if canary in line]
    waiting.wait(20)
    assert not seen
