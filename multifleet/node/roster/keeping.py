"""Where the roster is kept: in the store, and in the file beside it. Either alone brings it back.

The file is replaced at once for whatever says who is in and who is out; cards, which change often and come again by
themselves, wait a while.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from multifleet.core.documents import Document, Signed
from multifleet.core.invite import fleet_of_key
from multifleet.core.roster import Anchor, Merged, Refused, Roster
from multifleet.errors import StoreUnavailable
from multifleet.node.counters import Counters
from multifleet.node.roster.fleet_file import Fleet, as_row, fleet_file, fleet_text, write_text
from multifleet.node.roster.rows import card_in
from multifleet.node.setup import Setup
from multifleet.store.roster import Kept
from multifleet.store.rows import PeerRow, RosterRow
from multifleet.store.store import Store

NOTE = "roster"
"""The key of the fleet's id and its anchors in the store."""
CHANGES_NOTE, CHANGES_KEPT = "key_changes", 256
"""The key of the last changes of keys in the store, and how many names are remembered."""


@dataclass(frozen=True, slots=True)
class RosterState:
    """What was kept, from both places."""

    fleet: str
    anchors: Mapping[str, Anchor]
    documents: Sequence[Signed]
    rows: Mapping[str, PeerRow]
    """Of all peers that were ever pinned in this fleet, by name."""
    settled: frozenset[str]
    """What this node's user has settled for it."""
    left: str
    """The fleet that it left last."""
    anew: bool
    """Whether what the store holds belongs to another fleet, or to none."""


@dataclass(slots=True)
class Changes:
    """What merging did to the documents that are held."""

    new: list[Document] = field(default_factory=list)
    gone: list[Document] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def add(self, merged: Merged) -> None:
        """A further merge."""
        gone = {document.id for document in merged.gone}
        self.gone += [document for document in merged.gone if all(document.id != new.id for new in self.new)]
        self.new = [document for document in self.new if document.id not in gone] + list(merged.new)
        self.refused += merged.refused

    @property
    def signed(self) -> list[Signed]:
        """What is new."""
        return [document.signed for document in self.new]


class KeyChange(msgspec.Struct, frozen=True):
    """A name passed to another key here."""

    key: str
    """Which it had before."""
    at: float
    """When, in seconds of the wall clock."""


class _Note(msgspec.Struct, frozen=True):
    fleet: str
    anchors: dict[str, Anchor] = {}
    settled: list[str] = []
    left: str = ""


async def unless_left(setup: Setup, store: Store) -> Setup:
    """The setup without a shared key, where the file is gone and the store knows that this node has left that fleet."""
    noted = await store.meta.get(NOTE)
    if setup.shared_key is None or noted is None or fleet_file(setup.home).exists():
        return setup
    left = msgspec.json.decode(noted, type=_Note).left
    if left != fleet_of_key(setup.shared_key):
        return setup
    return replace(setup, shared_key=None, fleet_found=False, has_left=True)


class Keeping:
    """One for the node."""

    def __init__(self, home: Path, store: Store, counters: Counters) -> None:
        self._home = home
        self._store = store
        self._counters = counters
        self._noted: str | None = None
        self.key_changes: dict[str, KeyChange] = {}
        """By name, the last one of each."""
        self.file_is_old = False
        """Whether something is not in the file yet."""
        self.left = ""
        """The fleet that this node left last, as long as it has not come back to it."""

    async def load(self, file: Fleet, *, found: bool, me: str, node: str) -> RosterState:
        """Both places together; `found`: there was a file, so that it says which fleet this is."""
        changes = await self._store.meta.get(CHANGES_NOTE)
        self.key_changes = msgspec.json.decode(changes, type=dict[str, KeyChange]) if changes else {}
        noted = await self._store.meta.get(NOTE)
        note = msgspec.json.decode(noted, type=_Note) if noted else None
        rows = {row.node: row for row in await self._store.peers.all()}
        missing = [as_row(pinned) for pinned in file.members if pinned.node not in rows]
        if missing:
            await self._store.roster.keep(Kept(peers=missing))
            rows |= {row.node: row for row in missing}
        if not found and note is not None:
            file = Fleet(note.fleet)
        mine = note if note is not None and note.fleet == file.fleet else None
        known = (file.anchors or {}) | (mine.anchors if mine else {})
        cards: list[Signed] = []
        if not known:
            # Either a new fleet, or one from before there were documents: it believes in whom it has pinned.
            known = {me: Anchor(node)} | {row.ed25519.hex(): Anchor(row.node) for row in rows.values()}
            cards = [signed for row in rows.values() for signed in card_in(row)]
        kept = [] if mine is None else [Signed(row.text, row.signature) for row in await self._store.roster.all()]
        settled = frozenset(file.settled if mine is None else mine.settled)
        self.left = file.left if mine is None else mine.left
        return RosterState(file.fleet, known, [*kept, *file.documents, *cards], rows, settled, self.left, mine is None)

    def of(
        self,
        changes: Changes,
        rows: Sequence[PeerRow],
        forgotten: Sequence[str] = (),
        *,
        notes: Sequence[tuple[str, str]] = (),
        anew: bool = False,
    ) -> Kept:
        """What the store is to keep of these."""
        return Kept(
            documents=[_row(document) for document in changes.new],
            dropped=[_slot(document) for document in changes.gone],
            forgotten=forgotten,
            peers=rows,
            notes=notes,
            anew=anew,
        )

    async def keep(
        self,
        roster: Roster,
        pinned: Mapping[str, PeerRow],
        changes: Changes,
        rows: Sequence[PeerRow],
        forgotten: Sequence[str],
        *,
        anew: bool,
        at_once: bool,
    ) -> None:
        """Keep what is new; StoreUnavailable where the disk does not take it now, then it is kept later."""
        note = msgspec.json.encode(
            _Note(roster.fleet, dict(roster.anchors), sorted(roster.settled), self.left)
        ).decode()
        notes = [(NOTE, note)] if note != self._noted else []
        if not (changes.new or changes.gone or rows or notes or anew):
            return
        if at_once or notes:
            await self.write_file(roster, pinned, must=False)
        else:
            self.file_is_old = True
        kept = self.of(changes, rows, forgotten, notes=notes, anew=anew)
        self._noted = note
        try:
            await self._store.roster.keep(kept)
        except StoreUnavailable:
            self._store.roster.keep_later(kept)
            raise

    def key_changed(self, node: str, change: KeyChange) -> None:
        """Note that a name has another key now."""
        self.key_changes.pop(node, None)
        self.key_changes[node] = change
        while len(self.key_changes) > CHANGES_KEPT:
            del self.key_changes[next(iter(self.key_changes))]
        self._store.meta.set_later(CHANGES_NOTE, msgspec.json.encode(self.key_changes).decode())

    async def forget(self, node: str) -> None:
        """Another machine has this name from now on."""
        await self._store.roster.keep(Kept(forgotten=[node]))

    async def unpin(self, nodes: Sequence[str]) -> None:
        """Nothing is known of these any more, but where the logs of statements with them stand."""
        for node in nodes:
            await self._store.peers.remove(node)

    async def write_file(self, roster: Roster, pinned: Mapping[str, PeerRow], *, must: bool = True) -> None:
        """Replace the file; StoreUnavailable where it `must` be and the disk does not take it."""
        members = roster.view().members
        rows = [row for row in pinned.values() if row.node in members]
        text = fleet_text(
            roster.fleet, rows, roster.anchors, roster.documents(), settled=roster.settled, left=self.left
        )
        self.file_is_old = False
        # The disk may take its time, and an older text must never come after a newer one: so nobody cancels this.
        writing = asyncio.ensure_future(asyncio.to_thread(write_text, self._home, text))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            self.file_is_old = True
            await asyncio.wait([writing])
            raise
        except OSError as error:
            self.file_is_old = True
            self._counters.failed("fleet_file_not_written", reason=error)
            if must:
                raise StoreUnavailable(
                    f"fleet.json cannot be written ({error.strerror}): make room on its disk"
                ) from None


def _row(document: Document) -> RosterRow:
    signed = document.signed
    return RosterRow(_slot(document), document.id, signed.text, signed.signature)


def _slot(document: Document) -> str:
    return " ".join(document.slot)
