"""Where a node's private keys lie: the environment, the system's keyring, or a file that only this user reads.

The keyring is used where one is usable when the node is made. A keychain that is locked later (over SSH, say) makes
KeyUnavailable: such a process only parks what it is given. Wherever they lie they are one text (core/key_text.py),
which is replaced wholly or not at all: whatever moment a node dies at, it finds keys with which it can talk.
"""

import json
import logging
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multifleet.core.ids import is_node_id
from multifleet.core.key_text import BadKeys, read_keys, write_keys
from multifleet.core.keys import Identity
from multifleet.errors import BadInput, KeyUnavailable
from multifleet.private_files import write_private

log = logging.getLogger(__name__)

SERVICE = "fleet_nerve_hmac_key"
"""The keyring's item, as in earlier fleets; one account for each home."""
ENVIRONMENT = "MULTIFLEET_IDENTITY"
"""The keys as text, Ed25519 and X25519 as hex with a colon between: for machines without a disk to trust, like CI."""
_OTHER = "~"
"""The keyring's item has two places, so that one is whole while the other is written: the account, and with this."""


def identity_file(home: Path) -> Path:
    """The file that names the node and says where its keys are."""
    return home / "keys" / "identity.json"


def check_node_id(node: str) -> None:
    """BadInput where it cannot be the name of a node."""
    if not is_node_id(node):
        raise BadInput(f"{node!r} is no node id: lower-case letters, digits and '-', at most 63; use --node ID")


def create_identity(home: Path, node: str, where: str) -> Identity:
    """Make keys for a new node and keep them; `where` is auto, keyring or file."""
    check_node_id(node)
    identity = Identity(node, secrets.token_bytes(32), secrets.token_bytes(32), int(time.time()))
    pair = write_keys(identity)
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
        written = path.stat().st_mtime
        record = _read(path)
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
        return read_keys(node, str(pair), int(written))
    except (BadKeys, TypeError):
        raise KeyUnavailable(f"the keys of {node} are damaged: restore them from a backup") from None


def save_identity(home: Path, identity: Identity, environ: Mapping[str, str] = os.environ) -> None:
    """Put renewed keys where the node's keys lie; what they replace is overwritten. On disk when this returns.

    KeyUnavailable where that cannot be: the keys that were there are still there then.
    """
    if is_fixed(environ):
        raise KeyUnavailable(
            f"the keys come from ${ENVIRONMENT}, which a daemon cannot change: renew them where that is set, as "
            "docs/configuration.md says"
        )
    path, text = identity_file(home), write_keys(identity)
    try:
        record = _read(path)
        account = str(record.get("account", ""))
        if record.get("in") == "keyring":
            other = _other(account)
            if not _put_in_keyring(other, text):
                raise KeyUnavailable("the new key cannot be put into the keyring: unlock it and try again")
            write_private(path, json.dumps(record | {"account": other}).encode())
            _drop_from_keyring(account)
        else:
            write_wiping(path, json.dumps(record | {"pair": text}).encode())
    except (OSError, ValueError) as error:
        raise KeyUnavailable(f"the new key cannot be stored ({error}): the old ones stay in use") from None


def tidy(home: Path) -> None:
    """Remove what a daemon that died while it stored keys left behind. Only for the daemon; blocks for a keyring."""
    path = identity_file(home)
    try:
        record = _read(path)
        for left in path.parent.glob(f".{path.name}.*"):
            left.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        log.warning("what may be left of older keys cannot be removed: %s", error)
        return
    if isinstance(record, dict) and record.get("in") == "keyring":
        _drop_from_keyring(_other(str(record.get("account"))))


def _read(path: Path) -> Any:
    """What the file says; a second look, for what is read while it is replaced has been overwritten."""
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return json.loads(path.read_bytes())


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


def is_fixed(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the keys come from where this program cannot change them."""
    return bool(environ.get(ENVIRONMENT))


def kept_in(home: Path) -> str:
    """ "keyring", "file" or "environment"."""
    if is_fixed():
        return "environment"
    return str(json.loads(identity_file(home).read_bytes()).get("in", "file"))


def write_wiping(path: Path, data: bytes) -> None:
    """As `write_private`, and what it replaces is overwritten."""
    replaced = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        write_private(path, data)
        _wipe(replaced)
    finally:
        os.close(replaced)


def _wipe(descriptor: int) -> None:
    found = os.fstat(descriptor)
    if found.st_nlink:
        return  # it is somebody's copy as well
    try:
        os.pwrite(descriptor, bytes(found.st_size), 0)
        os.fsync(descriptor)
    except OSError as error:
        log.warning("the file that was replaced cannot be overwritten: %s", error)


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


def _drop_from_keyring(account: str) -> None:
    import keyring
    from keyring.errors import KeyringError

    try:
        if keyring.get_password(SERVICE, account) is not None:
            keyring.delete_password(SERVICE, account)
    except (KeyringError, RuntimeError, OSError) as error:
        log.warning("an older item %s of %s stays in the keyring: %s", SERVICE, account, error)


def _other(account: str) -> str:
    return account.removesuffix(_OTHER) if account.endswith(_OTHER) else account + _OTHER
