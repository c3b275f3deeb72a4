"""The configuration of the embedded NATS server, as text: who may come in, and which subjects are whose.

Decides nothing about processes or files. A member may speak to everybody else, lay frames into its own share of the
queue, and listen only to what is for itself; the chief's own login alone may make streams. What the server holds in
memory for those who do not read has a bound: LOGIN_CONNECTIONS (nats_watch.py) times PENDING_BYTES for each login.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from multifleet.core.frame import FRAME_LIMIT

MAX_PAYLOAD = FRAME_LIMIT + 4_096
"""A frame and NATS's own headers."""
SHARE_BYTES = 1 << 24
"""Of the frames of one sender that wait for machines that are away."""
SHARE_FRAMES = 1_000
"""Their number. It also bounds how many subjects there are to be told of: each is made up by the sender."""
STORE_BYTES = 1 << 33
"""A limit for the server alone, which sets the whole of every share aside from it."""
PENDING_BYTES = 32 << 20
"""That the server holds for one connection before it cuts that: the largest frame of thirty senders at the same moment,
or what the queues of seven give out at once."""
SUBSCRIPTIONS = 8
"""Of one connection; a daemon has four at the most, and each is another copy of what is said there."""
LOGIN_CONNECTIONS = 4
"""Of one login at a time; a daemon has one, and some that the server does not know to be dead yet."""
OTHER_CONNECTIONS = 4_096
"""Beside those of all logins: who has said no login yet counts too, for two seconds. With few a stranger who opens a
hundred in a second would keep all others out; of one login the watch does not let so many come to be."""
ACCOUNT, WATCH_ACCOUNT = "MF", "SYS"
"""Where all members are; and where the server tells of its connections."""
WATCH_USER = "$ watch"
"""The login for that; no node has such a name."""
LINE_LIMIT = 1_024
"""Bytes of a line to the server: the longest of ours names a stream, a node and two subjects."""


@dataclass(frozen=True, slots=True)
class User:
    """One member as the server knows it."""

    node: str
    password: str


def request_subject(fleet: str, node: str) -> str:
    """Where a node hears requests."""
    return f"mf.{fleet}.rq.{node}"


def queue_subject(fleet: str, node: str, sender: str) -> str:
    """Where a sender's frames wait for a node."""
    return f"mf.{fleet}.q.{node}.{sender}"


def told_subject(fleet: str, node: str, sender: str) -> str:
    """Where the server tells its host that such a frame was laid there."""
    return f"mf.{fleet}.told.{node}.{sender}"


def stream_name(fleet: str, sender: str) -> str:
    """The stream that keeps what a sender has laid there."""
    return f"MF_{fleet}_{sender}"


def inbox(node: str) -> str:
    """What a node's answers and waiting frames come to begins so."""
    return f"_INBOX.{node}"


def waiting_inbox(fleet: str, node: str) -> str:
    """Where a node is given what waits for it."""
    return f"{inbox(node)}.q.{fleet}"


def password(secret: bytes, node: str, key: str) -> str:
    """The password of the node with this identity key: another machine of the same name has another one."""
    digest = hmac.new(secret, f"mf1 nats {node} {key}".encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def permissions(fleet: str, node: str, *, is_host: bool) -> dict[str, object]:
    """What this user may publish and hear. Answers go only to who has asked, once each; nobody speaks to itself."""
    publish = [request_subject(fleet, "*"), queue_subject(fleet, "*", node), f"$JS.ACK.*.{node}.>"]
    subscribe = [request_subject(fleet, node), f"{inbox(node)}.>"]
    if is_host:
        publish.append("$JS.API.>")
        subscribe.append(told_subject(fleet, "*", "*"))
    return {
        "publish": {"allow": publish, "deny": [request_subject(fleet, node), queue_subject(fleet, node, node)]},
        "subscribe": {"allow": subscribe},
        "allow_responses": {"max": 1, "expires": "10s"},
    }


def server_config(
    *,
    name: str,
    fleet: str,
    host: str,
    port: int,
    folder: Path,
    users: Collection[User],
    watch_password: str,
    encrypted: bool,
) -> bytes:
    """The whole file; JSON is a subset of what the server reads."""
    found: dict[str, object] = {
        "server_name": name,
        "host": host,
        "port": port or -1,
        "logtime": False,
        "max_payload": MAX_PAYLOAD,
        "max_connections": OTHER_CONNECTIONS + LOGIN_CONNECTIONS * len(users),
        "max_subscriptions": SUBSCRIPTIONS,
        "max_pending": PENDING_BYTES,
        "max_control_line": LINE_LIMIT,
        "ping_interval": "5s",
        "ping_max": 2,
        "write_deadline": "2s",
        "jetstream": {
            "store_dir": str(folder / "store"),
            "sync_interval": "always",
            "max_file_store": STORE_BYTES,
            "max_memory_store": 1,
        },
        "authorization": {"timeout": 2},
        "system_account": WATCH_ACCOUNT,
        "accounts": {
            WATCH_ACCOUNT: {"users": [{"user": WATCH_USER, "password": watch_password}]},
            ACCOUNT: {
                "jetstream": "enabled",
                "users": [
                    {
                        "user": user.node,
                        "password": user.password,
                        "permissions": permissions(fleet, user.node, is_host=user.node == name),
                    }
                    for user in users
                ],
            },
        },
    }
    if encrypted:
        found["tls"] = {
            "cert_file": str(folder / "certificate.pem"),
            "key_file": str(folder / "key.pem"),
            "handshake_first": True,
            "timeout": 2,
            "min_version": "1.3",
        }
    return json.dumps(found, indent=1).encode()
