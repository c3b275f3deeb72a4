"""What is known of the SSH servers of peers, kept in <home>/ssh/: their host keys, and where the peer's home lies.

A peer tells it itself, signed, over whatever channel answers; that word replaces what was pinned at a first use.
Nothing of it says where to connect or what to run there.
"""

import base64
import glob
import hashlib
import re
from pathlib import Path
from typing import Literal

import msgspec

from multifleet.core.ids import is_node_id
from multifleet.core.ssh_packets import HOST_KEYS_LIMIT, HostKey, SshTold, is_plain
from multifleet.private_files import private_folder, write_private

DEFAULT_HOME = ".multifleet"
"""Where a peer's home is looked for until it has told: in the folder in which its SSH server lets this node begin."""
FILE_LIMIT = 64 * 1024
_PUBLIC = re.compile(rb"([a-z0-9@.-]{1,64} [A-Za-z0-9+/]{1,4000}={0,2})(?: .*)?\s*")


class SshFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one peer's SSH server."""

    by: Literal["", "peer", "first use"] = ""
    """Whose word the host keys are."""
    host_keys: list[HostKey] = []
    home: str = DEFAULT_HOME
    at: float = 0.0
    """Wall clock: when the peer told."""

    @property
    def unusual_home(self) -> str:
        """The peer's home, if it has told one that a login there does not find by itself; else empty."""
        usual = self.home == DEFAULT_HOME or self.home.endswith(f"/{DEFAULT_HOME}")
        return "" if usual else self.home


class FactsStore:
    """One for the node."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "ssh"
        self._known: dict[str, SshFacts] = {}

    def of(self, node: str) -> SshFacts:
        """What is known of a peer; what cannot be read is not known."""
        if node not in self._known:
            self._known[node] = self._read(node)
        return self._known[node]

    def path(self, node: str) -> Path:
        """The file about a peer; without it nothing is known of it."""
        return self._folder / f"{node}.json"

    def told(self, node: str, told: SshTold, now: float) -> SshFacts:
        """Keep the peer's own word. Where it cannot read its host keys, those that were pinned stay."""
        before = self.of(node)
        facts = SshFacts(
            by="peer" if told.host_keys else before.by,
            host_keys=list(told.host_keys) or before.host_keys,
            home=told.home if is_plain(told.home) else before.home,
            at=now,
        )
        self._keep(node, facts)
        return facts

    def first_use(self, node: str, host_key: str) -> None:
        """Pin the key that a server showed when nothing was known of it."""
        self._keep(node, msgspec.structs.replace(self.of(node), by="first use", host_keys=[host_key]))

    def _read(self, node: str) -> SshFacts:
        try:
            with self.path(node).open("rb") as file:
                return msgspec.json.decode(file.read(FILE_LIMIT), type=SshFacts)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            return SshFacts()

    def _keep(self, node: str, facts: SshFacts) -> None:
        assert is_node_id(node)
        self._known[node] = facts
        write_private(private_folder(self._folder) / self.path(node).name, msgspec.json.encode(facts))


def fingerprint(host_key: str) -> str:
    """How a host key is shown, as ssh-keygen -l shows it."""
    digest = hashlib.sha256(base64.b64decode(host_key.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def own_host_keys(patterns: tuple[str, ...]) -> list[str]:
    """Public keys of this machine's SSH server, as far as they can be read."""
    found: list[str] = []
    for path in sorted(path for pattern in patterns for path in glob.glob(pattern)):
        try:
            with open(path, "rb") as file:
                match = _PUBLIC.fullmatch(file.read(8_192))
        except OSError:
            continue
        if match and (key := match[1].decode()) not in found:
            found.append(key)
    return found[:HOST_KEYS_LIMIT]
