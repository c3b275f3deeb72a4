"""What one agent client lists of the remote seats, and what is not in step there. Writes nothing itself."""

from collections.abc import Mapping
from dataclasses import replace

from multifleet.core.native import Entry
from multifleet.sessions.native_dialect import NativeDialect
from multifleet.sessions.native_records import NativeRecords


class Listing:
    """One for each client."""

    def __init__(self, dialect: NativeDialect) -> None:
        self.dialect = dialect
        self.is_wanted = False
        """Whether a session is there that can use it."""
        self.listed: dict[str, Entry] = {}
        self.records: NativeRecords

    def wanted(self, entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """Of all that could be listed."""
        if not self.is_wanted:
            return {}
        if self.dialect.tells_status:
            return dict(entries)
        return {address: replace(entry, status="") for address, entry in entries.items()}

    def gone(self, wanted: Mapping[str, Entry]) -> list[str]:
        """What must go."""
        return [address for address in self.listed if address not in wanted]

    def new(self, wanted: Mapping[str, Entry]) -> list[Entry]:
        """What must be written."""
        return [
            entry
            for address, entry in wanted.items()
            if self.listed.get(address) != entry or not self.records.has(entry.number)
        ]
