"""`send --as-me`: signs a message as the person at the terminal, with their own SSH key and by ssh-keygen.

The key is never read here: ssh-keygen asks for its passphrase, the agent that holds it, or the touch of its token.
"""

import json
import os
import secrets
import subprocess
import time
from pathlib import Path

from multifleet import local_http
from multifleet.cli.arguments import Value
from multifleet.cli.author import AGENT_MARKS
from multifleet.cli.daemon import exchange
from multifleet.cli.shape import Failed
from multifleet.config import load
from multifleet.core.ids import message_id
from multifleet.core.person import NAMESPACE, signed_words
from multifleet.errors import ConfigError
from multifleet.paths import home_path

USUAL = ("id_ed25519_sk", "id_ed25519", "id_ecdsa_sk", "id_ecdsa", "id_rsa")
"""Files of ~/.ssh in which a person's key usually is, best first."""


def signed(values: dict[str, Value]) -> dict[str, Value]:
    """The fields of a message with those that make it a person's; Failed says why that cannot be."""
    if any(mark in os.environ for mark in AGENT_MARKS):
        raise Failed("--as-me is for the person: type it into a terminal of your own, not into an agent's session")
    id = str(values.get("id") or message_id(time.time_ns() // 1_000_000, secrets.token_bytes(10)))
    at = int(time.time())
    words = signed_words(
        id=id,
        node=_own_node(),
        to=str(values["to"]),
        type=str(values.get("type", "context")),
        at=at,
        body=str(values["body"]),
        subject=_text(values, "subject"),
        thread=_text(values, "thread"),
        reply_to=_text(values, "reply_to"),
    )
    return values | {"id": id, "signature": _sign(_key(), words), "signed_at": at}


def _text(values: dict[str, Value], name: str) -> str | None:
    return None if name not in values else str(values[name])


def _own_node() -> str:
    status, answer = exchange(local_http.request("GET", "/health"))
    if status != 200:
        raise Failed(local_http.reason(status, answer))
    return str(json.loads(answer)["node"])


def _key() -> Path:
    try:
        chosen = load(home_path()).signingKey
    except ConfigError as error:
        raise Failed(*error.lines) from None
    if chosen:
        return Path(chosen).expanduser()
    folder = Path.home() / ".ssh"
    for name in USUAL:
        if (folder / name).exists():
            return folder / name
    raise Failed(
        f"{folder} has no key to sign with: make one with ssh-keygen, or name one as signingKey in config.json"
    )


def _sign(key: Path, words: bytes) -> str:
    try:
        done = subprocess.run(
            ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", NAMESPACE], input=words, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise Failed("ssh-keygen is not on this machine: install OpenSSH's client; nothing was sent") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Failed(f"ssh-keygen did not sign with {key} ({said[-1] if said else 'no reason'}): nothing was sent")
    return done.stdout.decode()
