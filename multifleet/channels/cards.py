"""The network cards of members that were seen on this machine's own segments, kept in <home>/cards.json: a machine that
sleeps can be woken without anybody having written its card down.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from multifleet.core.magic_packet import read_mac, write_mac
from multifleet.private_files import write_private

FILE_LIMIT = 256 * 1024


class Cards:
    """One for the node. Blocks for a small file."""

    def __init__(self, home: Path) -> None:
        self._path = home / "cards.json"
        self._known: dict[str, str] | None = None

    def of(self, node: str) -> bytes | None:
        """The card of a member; None where none was seen."""
        return read_mac(self._load().get(node, ""))

    def note(self, hosts: Mapping[str, Iterable[str]], seen: Mapping[str, bytes]) -> None:
        """`hosts`: members that are there, and their addresses; `seen`: address and card of neighbours."""
        known = dict(self._load())
        for node, addresses in hosts.items():
            cards = {seen[address] for address in addresses if address in seen}
            if len(cards) == 1:  # else it is not to be told which of them sleeps with the machine
                known[node] = write_mac(cards.pop())
        if known != self._known:
            write_private(self._path, msgspec.json.encode(known))
            self._known = known

    def _load(self) -> dict[str, str]:
        if self._known is None:
            try:
                with self._path.open("rb") as file:
                    self._known = msgspec.json.decode(file.read(FILE_LIMIT), type=dict[str, str])
            except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
                self._known = {}  # they are seen again
        return self._known
