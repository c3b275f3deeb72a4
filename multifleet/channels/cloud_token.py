"""Where the token of the cloud routine lies: the environment, a file that only this user reads, or the keyring."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from multifleet.channels.base import ChannelError

SERVICE = "multifleet-cloud"
"""The keyring's item; the account is the node's id."""
ENVIRONMENT = "MULTIFLEET_CLOUD_TOKEN"
LIMIT = 4_096


def token_file(home: Path) -> Path:
    """For machines without a keyring."""
    return home / "keys" / "cloud-token"


def read_token(home: Path, node: str, environ: Mapping[str, str] = os.environ) -> str:
    """The token; ChannelError says where to put it. Blocks for a keyring."""
    found = environ.get(ENVIRONMENT) or _from_file(token_file(home)) or _from_keyring(node)
    if not found:
        raise ChannelError(
            f"no token for the cloud routine: put it into the keyring ({SERVICE}, {node}), or into {token_file(home)} "
            "with mode 0600 where there is none (docs/cloud.md)"
        )
    return found.strip()


def _from_file(path: Path) -> str:
    try:
        with open(
            os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), encoding="ascii", errors="replace"
        ) as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ChannelError(f"others can read {path}: chmod 600 it, and make a new token")
            return file.read(LIMIT)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ChannelError(f"{path} cannot be read ({error.strerror}): mend its permissions") from None


def _from_keyring(node: str) -> str:
    import keyring
    from keyring.errors import KeyringError, NoKeyringError

    try:
        return keyring.get_password(SERVICE, node) or ""
    except NoKeyringError:
        return ""  # this machine has none
    except (KeyringError, RuntimeError, OSError) as error:
        raise ChannelError(f"the keyring cannot be read ({type(error).__name__}): unlock it") from None
