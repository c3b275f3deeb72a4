"""`send` and `reply` with --as-me: signs as the person at the terminal, with their own SSH key and by ssh-keygen.

The key is never read here: ssh-keygen asks for its passphrase, the agent that holds it, or the touch of its token.
"""

import json
import os
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any

from multifleet import local_http
from multifleet.cli.arguments import Value
from multifleet.cli.author import AGENT_MARKS
from multifleet.cli.daemon import exchange
from multifleet.cli.shape import Failed
from multifleet.config import load
from multifleet.core.ids import message_id
from multifleet.core.packets import Message
from multifleet.core.person import NAMESPACE, signed_words, to_sign
from multifleet.errors import ConfigError
from multifleet.paths import home_path

USUAL = ("id_ed25519_sk", "id_ed25519", "id_ecdsa_sk", "id_ecdsa", "id_rsa")
"""Files of ~/.ssh in which a person's key usually is, best first."""


def signed(values: dict[str, Value]) -> dict[str, Value]:
    """The fields of a message with those that make it a person's; Failed says why that cannot be."""
    _is_typed_by_a_person()
    here = _here()
    message = to_sign(
        id=str(values.get("id") or _new_id()),
        from_=_own_address(here, values.get("from_seat")),
        to=str(values["to"]),
        type=values.get("type", "context"),  # type: ignore[arg-type]
        at=int(time.time()),
        lifetime=_lifetime(values),
        body=str(values["body"]),
        urgency=values.get("urgency", "next-turn"),  # type: ignore[arg-type]
        subject=_text(values, "subject"),
        thread=_text(values, "thread"),
        reply_to=None if "reply_to" not in values else str(values["reply_to"]).rpartition("/")[2],
        smart=bool(values.get("smart", False)),
    )
    return values | {"id": message.id} | _proof(message, here)


def signed_reply(values: dict[str, Value]) -> dict[str, Value]:
    """The same of an answer. The message that it answers is read for that, and marked so: a person answers it."""
    _is_typed_by_a_person()
    received = _asked(local_http.request("POST", "/read", json.dumps({"id": values["id"]}).encode()))
    seat = values.get("from_seat") or str(received["to"]).partition("/")[2]
    here = _here()
    message = to_sign(
        id=str(values.get("answer_id") or _new_id()),
        from_=_own_address(here, seat),
        to=str(received["from"]),
        type="reply",
        at=int(time.time()),
        lifetime=_lifetime(values),
        body=str(values["body"]),
        urgency=values.get("urgency", "next-turn"),  # type: ignore[arg-type]
        subject=_text(values, "subject"),
        thread=None if received["thread"] is None else str(received["thread"]),
        reply_to=str(received["id"]),
    )
    exact = {"id": str(received["id"]), "answer_id": message.id} | ({"from_seat": seat} if seat else {})
    return values | exact | _proof(message, here)


def _is_typed_by_a_person() -> None:
    if any(mark in os.environ for mark in AGENT_MARKS):
        raise Failed("--as-me is for the person: type it into a terminal of your own, not into an agent's session")


def _new_id() -> str:
    return message_id(time.time_ns() // 1_000_000, secrets.token_bytes(10))


def _text(values: dict[str, Value], name: str) -> str | None:
    return None if name not in values else str(values[name])


def _lifetime(values: dict[str, Value]) -> float | None:
    return None if (told := values.get("expires")) is None else float(str(told))


def _proof(message: Message, here: dict[str, Any]) -> dict[str, Value]:
    """What is told beside the fields of a message, so that it is the very one that was signed."""
    signature = _sign(_key(), signed_words(message, str(here["fleet"])))
    return {"signature": signature, "signed_at": message.created}


def _here() -> dict[str, Any]:
    return _asked(local_http.request("GET", "/health"))


def _own_address(here: dict[str, Any], seat: Value | None) -> str:
    return f"{here['node']}/{seat}" if seat else str(here["node"])


def _asked(request: bytes) -> dict[str, Any]:
    status, answer = exchange(request)
    if status != 200:
        raise Failed(local_http.reason(status, answer))
    found: dict[str, Any] = json.loads(answer)
    return found


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
