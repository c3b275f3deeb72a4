"""Where a node's private keys lie: the environment, the system's keyring, or a file that only this user reads.

The keyring is used where one is usable when the node is made. A keychain that is locked later (over SSH, say) makes
KeyUnavailable: such a process only parks what it is given.
"""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from multifleet.core.ids import is_node_id
from multifleet.core.keys import Identity
from multifleet.errors import BadInput, KeyUnavailable

SERVICE = "fleet_nerve_hmac_key"
"""The keyring's item, as in earlier fleets; one account for each home."""
ENVIRONMENT = "MULTIFLEET_IDENTITY"
"""Two keys as hex, Ed25519 and X25519, joined by a colon: for machines without a disk to trust, such as CI."""


def identity_file(home: Path) -> Path:
    """The file that names the node and says where its keys are."""
    return home / "keys" / "identity.json"


def create_identity(home: Path, node: str, where: str) -> Identity:
    """Make keys for a new node and keep them; `where` is auto, keyring or file."""
    if not is_node_id(node):
        raise BadInput(f"{node!r} is no node id: lower-case letters, digits and '-', at most 63; use --node ID")
    identity = Identity(node, secrets.token_bytes(32), secrets.token_bytes(32))
    pair = f"{identity.ed25519.hex()}:{identity.x25519.hex()}"
    record: dict[str, str] = {"node": node}
    account = f"{node}@{secrets.token_hex(8)}"
    if where != "file" and _put_in_keyring(account, pair):
        record |= {"in": "keyring", "account": account}
    elif where == "keyring":
        raise KeyUnavailable('no usable keyring here: unlock it, or set "keys": "file" in config.json')
    else:
        record |= {"in": "file", "pair": pair}
    folder = identity_file(home).parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(identity_file(home), json.dumps(record).encode())
    return identity


def load_identity(home: Path, environ: Mapping[str, str] = os.environ) -> Identity:
    """The node's identity; KeyUnavailable says what to do where it cannot be read."""
    path = identity_file(home)
    try:
        record = json.loads(path.read_bytes())
        node = record["node"]
        pair = environ.get(ENVIRONMENT) or record.get("pair") or _from_keyring(record["account"])
    except FileNotFoundError:
        raise KeyUnavailable(f"no node in {home}: run multifleet init") from None
    except OSError as error:
        raise KeyUnavailable(f"{path} cannot be read ({error.strerror}): mend its permissions") from None
    except (ValueError, KeyError, TypeError):
        raise KeyUnavailable(
            f"{path} is damaged: restore it from a backup, or move it away and run multifleet init"
        ) from None
    try:
        signing, exchange = (bytes.fromhex(part) for part in str(pair).split(":"))
        if len(signing) != 32 or len(exchange) != 32 or not is_node_id(node):
            raise ValueError("a key of another length, or no node id")
    except (ValueError, TypeError):
        raise KeyUnavailable(f"the keys of {node} are damaged: restore them from a backup") from None
    return Identity(str(node), signing, exchange)


def node_of(home: Path) -> str | None:
    """The node's id, without touching its keys; None where there is no node."""
    try:
        return str(json.loads(identity_file(home).read_bytes())["node"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def assert_no_identity(home: Path) -> None:
    """KeyUnavailable where something lies in the identity's place that is none: it may be all that is left of one."""
    if identity_file(home).exists():
        load_identity(home)


def kept_in(home: Path) -> str:
    """ "keyring", "file" or "environment"."""
    if os.environ.get(ENVIRONMENT):
        return "environment"
    return str(json.loads(identity_file(home).read_bytes()).get("in", "file"))


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only this user reads, wholly or not at all."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def _put_in_keyring(account: str, pair: str) -> bool:
    import keyring
    from keyring.errors import KeyringError

    try:
        if getattr(keyring.get_keyring(), "priority", 0) < 1:
            return False
        keyring.set_password(SERVICE, account, pair)
        return keyring.get_password(SERVICE, account) == pair
    except (KeyringError, RuntimeError, OSError):
        return False


def _from_keyring(account: str) -> str:
    import keyring
    from keyring.errors import KeyringError

    try:
        pair = keyring.get_password(SERVICE, account)
    except (KeyringError, RuntimeError, OSError) as error:
        raise KeyUnavailable(f"the keyring cannot be read ({error}): unlock it and try again") from None
    if pair is None:
        raise KeyUnavailable(f"the keyring has no item {SERVICE} for {account}: restore it from a backup")
    return pair
