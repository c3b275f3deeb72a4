"""Opens one SSH connection, and says in words why it cannot be had. Loaded only where SSH is used.

No password is ever asked for, nothing is forwarded but what this program asks for, and a server whose key is another
than the one that is known gets no further than showing it.
"""

import asyncio
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from multifleet.channels.base import ChannelError
from multifleet.channels.ssh_facts import SshFacts
from multifleet.channels.ssh_login import Login
from multifleet.core.visible import visible

KEEPALIVE_SECONDS = 5.0
KEEPALIVES_MISSED = 2
"""A connection whose server has not said a word for three intervals is closed."""
KNOWN_HOSTS = "~/.ssh/known_hosts"

_KeyLists = tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]


class HostKeyRefused(ChannelError):
    """The server shows another key than the one that is known; by `shown` the same server is known again."""

    def __init__(self, reason: str, shown: str) -> None:
        super().__init__(reason)
        self.shown = shown


@dataclass
class HostKeys:
    """Which host keys are believed while one connection is opened, and which one the server showed."""

    facts: SshFacts
    believed: int = 0
    shown: asyncssh.SSHKey | None = None
    first_use: bool = False
    expected: list[str] = field(default_factory=list)

    def match(self, host: str, addr: str, port: int | None) -> _KeyLists:
        """Keys, authorities and revoked keys: those that are pinned, and those that the user's own ssh knows."""
        pinned = [asyncssh.import_public_key(key) for key in self.facts.host_keys]
        users, authorities, revoked = _users(host, addr, port)
        keys = [*pinned, *users]
        self.believed = len(keys) + len(authorities)
        self.expected = list(dict.fromkeys(key.get_fingerprint() for key in keys))
        return keys, authorities, revoked

    def unknown(self, key: asyncssh.SSHKey) -> bool:
        """Whether a key that is in none of the lists is taken: only where nothing at all is known."""
        self.shown = key
        self.first_use = not self.believed
        return self.first_use

    def pin(self) -> str:
        """The key that was taken at first use, as it is kept."""
        assert self.shown is not None
        return b" ".join(self.shown.export_public_key().split()[:2]).decode()


class _Client(asyncssh.SSHClient):
    def __init__(self, keys: HostKeys) -> None:
        self._keys = keys

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return self._keys.unknown(key)


async def open_connection(login: Login, keys: HostKeys) -> asyncssh.SSHClientConnection:
    """Log in; ChannelError says why not, HostKeyRefused where it is the host key. Who calls it sets the deadline."""
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)  # its lines say no more than ours, in more words
    more: dict[str, object] = {"port": login.port} if login.port else {}
    if login.key:
        more["client_keys"] = [_own_path(login.key)]
    try:
        return await asyncssh.connect(
            login.host,
            username=login.user,
            known_hosts=keys.match,
            client_factory=lambda: _Client(keys),
            preferred_auth="publickey",
            password_auth=False,
            kbdint_auth=False,
            gss_kex=False,
            gss_auth=False,
            agent_forwarding=False,
            x11_forwarding=False,
            request_pty=False,
            command=None,
            keepalive_interval=KEEPALIVE_SECONDS,
            keepalive_count_max=KEEPALIVES_MISSED,
            connect_timeout=None,
            login_timeout=0,
            **more,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        shown = keys.shown.get_fingerprint() if keys.shown is not None else ""
        raise HostKeyRefused(f"{login}: {_refused(keys, error)}", shown) from None
    except asyncssh.PermissionDenied:
        words = f"no key of this user is let in; put one into {login.user}'s ~/.ssh/authorized_keys there"
        raise ChannelError(f"{login}: {words}") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        words = f"its key cannot be read ({in_words(error)}); one with a passphrase has to be in the SSH agent"
        raise ChannelError(f"{login}: {words}") from None
    except (asyncssh.Error, asyncssh.ConfigParseError, OSError, ValueError) as error:
        raise ChannelError(f"{login}: {in_words(error)}") from None


def _own_path(path: str) -> str:
    return os.path.expanduser(path)


def in_words(error: BaseException) -> str:
    """What went wrong, on one line; some of it the other end may have written."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, asyncio.IncompleteReadError):
        return "the connection ended"
    said = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error) or type(error).__name__
    return visible(str(said)[:200], one_line=True)


def _refused(keys: HostKeys, error: asyncssh.HostKeyNotVerifiable) -> str:
    if keys.shown is None:
        return f"its host key cannot be verified ({in_words(error)})"
    shown = keys.shown.get_fingerprint()
    return (
        f"ITS HOST KEY IS ANOTHER: it shows {shown}, known is {', '.join(keys.expected[:3]) or 'an authority'}; "
        "if that is right, put the new key into ~/.ssh/known_hosts, else somebody listens in between"
    )


def _users(host: str, addr: str, port: int | None) -> _KeyLists:
    """What the user's own ssh knows of a server."""
    path = Path(KNOWN_HOSTS).expanduser()
    try:
        found = asyncssh.read_known_hosts(str(path)).match(host, addr, port)
    except (OSError, ValueError):
        return [], [], []
    return list(found[0]), list(found[1]), list(found[2])
