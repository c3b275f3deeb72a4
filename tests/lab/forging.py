"""Frames made with a member's own keys: what a member that turned bad, or its thief, can send."""

import json
import secrets
import time
from typing import Any

from multifleet.core.frame import open_frame, seal
from multifleet.node.keys.keystore import load_identity
from multifleet.node.roster.fleet_file import read_fleet
from tests.lab.fleet_node import NODE_HOME, PORT, FleetNode


class Forger:
    """Speaks for `sender` to `recipient`, with the keys that lie in the sender's home."""

    def __init__(self, sender: FleetNode, recipient: FleetNode) -> None:
        self.sender, self.recipient = sender, recipient
        home = sender.host.path(NODE_HOME)
        identity, fleet = load_identity(home), read_fleet(home)
        assert fleet is not None
        exchange = next(m.x25519 for m in fleet.members if m.node == recipient.name)
        self.outgoing, self.incoming = identity.pair(fleet.fleet, recipient.name, bytes.fromhex(exchange))

    def frame(
        self,
        packet: bytes,
        *,
        sent: float | None = None,
        nonce: bytes | None = None,
        sender: str | None = None,
        recipient: str | None = None,
    ) -> bytes:
        """A frame with any packet inside; every part of the header may be chosen."""
        when = int(time.time() if sent is None else sent)
        names = sender or self.sender.name, recipient or self.recipient.name
        return seal(self.outgoing, *names, when, nonce or secrets.token_bytes(16), packet)

    def message(self, id: str, body: str = "hello", **fields: Any) -> dict[str, Any]:
        """A message packet in its wire form."""
        now = int(time.time())
        addresses = {"from": self.sender.name, "to": self.recipient.name}
        times = {"created": now, "expires": now + 3600}
        manner = {"urgency": "next-turn", "authority": "agent"}
        return {"id": id, "type": "context", "body": body, "n": 1} | addresses | times | manner | fields

    def request(self, *packets: dict[str, Any], **fields: Any) -> bytes:
        """A request with these packets."""
        request = {"kind": "request", "time": int(time.time()), "have": 0, "packets": list(packets)}
        return json.dumps(request | fields, separators=(",", ":"), ensure_ascii=False).encode()

    def post(self, frame: bytes, timeout: float = 5.0) -> tuple[int, bytes]:
        """Send it from the sender's host; status and answer."""
        return post_frame(self.sender, self.recipient, frame, timeout)

    def opened(self, answer: bytes) -> dict[str, Any]:
        """A signed answer, verified and decrypted."""
        packet = open_frame(answer, self.sender.name, lambda _sender, _kid: self.incoming, None).packet
        return dict(json.loads(packet))


def post_frame(
    source: FleetNode, target: FleetNode, frame: bytes, timeout: float = 5.0, port: int = PORT
) -> tuple[int, bytes]:
    """POST bytes to a node's /frames from another host: status and answer."""
    headers = {"Content-Type": "application/octet-stream"}
    status, _, answer = source.host.http("POST", target.host.ip, port, "/frames", frame, headers, timeout)
    return status, answer
