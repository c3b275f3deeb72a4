"""Who is in the fleet, as this node sees it: takes signed documents in and passes on what was new.

A document is merged, and what follows from it is settled at once, before the next one is looked at. What the documents
mean is decided in core.roster alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from multifleet.core.documents import Signed
from multifleet.core.roster import Anchor, MemberFacts, Out, Roster, View
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.members import Members
from multifleet.node.roster.keeping import Changes, Keeping, KeyChange, RosterState
from multifleet.node.roster.met import Met
from multifleet.node.roster.own_documents import OwnDocuments
from multifleet.node.roster.rows import card_in
from multifleet.node.roster.settling import Consequences, Settling
from multifleet.store.roster import Kept
from multifleet.store.rows import PeerRow

PORTION, PORTION_TEXT = 16, 16_384
"""Documents, or characters of them, after which others get their turn before the next ones are checked."""
LEARNED_LIMIT = 512
"""Documents that wait to be looked at; rumors beyond are dropped, and come again when rosters are compared."""


@dataclass(frozen=True, slots=True)
class News:
    """Documents that were new here, and who brought them (empty: this node itself)."""

    documents: Sequence[Signed]
    from_: str


class Rostering:
    """One for the node; `load` before anything else."""

    def __init__(
        self,
        keeping: Keeping,
        members: Members,
        clock: NodeClock,
        counters: Counters,
        own_addresses: Callable[[], list[str]],
        consequences: Consequences,
    ) -> None:
        self._keeping = keeping
        self._members = members
        self._clock = clock
        self._counters = counters
        self._then = consequences
        self._me = members.identity.public.hex()
        self._roster = Roster(members.fleet, self._me, {})
        self._lock = asyncio.Lock()
        self._learned: list[tuple[Signed, str]] = []
        self._settling = Settling(keeping, members, clock, counters, consequences)
        self.own = OwnDocuments(members, clock, lambda: self._roster, own_addresses)
        self.spread: Callable[[Signed], None] = lambda signed: None
        """Told each new document that did not come as a rumor, to make one of it."""
        self.tell: Callable[[News], None] = lambda news: None
        """Told what is to be pushed to peers at once."""
        self.on_change: Callable[[], None] = lambda: None
        """Told after each change of the view."""
        self.something_learned = asyncio.Event()
        self.met = Met()
        self.meet: Callable[[Sequence[str]], None] = lambda nodes: None
        """Told whom to compare with soon."""
        self.may_be_behind = False
        """Whether the store was lost and only the file, perhaps an old copy, says who is out; until all were asked."""

    @property
    def is_stopped(self) -> bool:
        """Whether the whole fleet is stopped now."""
        return self.view.stopped(round(self._clock.now() * 1000)) is not None

    @property
    def view(self) -> View:
        """Who is in the fleet."""
        return self._roster.view()

    @property
    def roster(self) -> Roster:
        """The documents; only read by others."""
        return self._roster

    @property
    def rows(self) -> Mapping[str, PeerRow]:
        """Every peer that was ever pinned, by name."""
        return self._settling.rows

    @property
    def key_changes(self) -> Mapping[str, KeyChange]:
        """The last one of each name that had another key here before."""
        return self._keeping.key_changes

    @property
    def key(self) -> str:
        """This node's Ed25519 key in hex."""
        return self._me

    @property
    def left(self) -> str:
        """The fleet with a shared key that this node has left and not come back to; empty where there is none."""
        return self._keeping.left

    def digest(self) -> str:
        """Of all documents: equal where two nodes hold the same."""
        return self._roster.digest()

    def put_out(self, node: str) -> Out | None:
        """Why a name is out, against its will, and no other machine has it."""
        return self._settling.put_out.get(node)

    def cardless(self) -> list[MemberFacts]:
        """Members that cannot be reached yet, because their cards have not come."""
        return [
            facts
            for facts in self.view.members.values()
            if facts.key != self._me and self._members.get(facts.node) is None
        ]

    async def load(self, state: RosterState) -> None:
        """Take up what was kept."""
        if state.fleet != self._members.fleet:
            self._members.move_to(state.fleet)
        self._settling.rows = dict(state.rows)
        self._roster = Roster(state.fleet, self._me, state.anchors)
        self._roster.settle(state.settled)
        self.may_be_behind = state.anew and any(node != self._members.identity.node for node in self._settling.rows)
        async with self._lock:
            changes = await self._merge(state.documents)
            await self._settle(changes, anew=state.anew, starting=True)
        self.met.start(facts.node for facts in self.view.members.values() if facts.key != self._me)

    def learn(self, documents: Iterable[Signed], from_: str) -> None:
        """Rumors that came by UDP; they are looked at soon."""
        room = LEARNED_LIMIT - len(self._learned)
        self._learned += [(signed, from_) for signed in islice(documents, max(0, room))]
        if self._learned:
            self.something_learned.set()

    async def take_learned(self) -> None:
        """Look at the rumors that wait."""
        self.something_learned.clear()
        waiting, self._learned = self._learned, []
        by_sender: dict[str, list[Signed]] = {}
        for signed, from_ in waiting:
            by_sender.setdefault(from_, []).append(signed)
        for from_, documents in by_sender.items():
            await self.take(documents, from_, rumor=True)

    async def take(self, documents: Iterable[Signed], from_: str = "", *, rumor: bool = False) -> Changes:
        """Merge documents, carry out what they mean and pass on what was new."""
        async with self._lock:
            changes = await self._merge(documents)
            if changes.new:
                await self._settle(changes)
        if changes.refused:
            self._counters.count("roster_documents_refused", len(changes.refused) - 1)
            reason = changes.refused[0].reason
            self._counters.failed("roster_documents_refused", sender=from_ or "self", reason=reason)
        self._announce(changes, from_, rumor=rumor)
        return changes

    async def settle(self, ids: Iterable[str]) -> None:
        """Hold these revocations for good, and no others that are disputed; nobody else is told."""
        async with self._lock:
            self._roster.settle(ids)
            await self._settle(Changes())

    async def publish_card(self) -> None:
        """Tell everybody where this node is, if that is new."""
        await self.take([self.own.card()])

    async def let_in(
        self, row: PeerRow, documents: Sequence[Signed], keep: Callable[[Kept], Awaitable[bool]]
    ) -> bool:
        """Take in a machine under an invitation, whose `keep` commits all of it or nothing; False: it was a replay."""
        async with self._lock:
            fresh = Changes(list(Roster(self._roster.fleet, self._me, {}).merge(documents).new))
            forgotten = [row.node] if await self._settling.make_way(self._roster, row) else []
            if not await keep(self._keeping.of(fresh, [row], forgotten)):
                return False
            self._settling.rows[row.node] = row
            changes = await self._merge(documents)
            await self._settle(changes)
        self._announce(changes, "")
        return True

    async def anchor(self, row: PeerRow, anchor: Anchor, documents: Sequence[Signed] = ()) -> None:
        """Believe in a machine without a document, because the fleet's shared key or a test says so."""
        async with self._lock:
            if await self._settling.make_way(self._roster, row):
                await self._keeping.forget(row.node)
            self._settling.rows[row.node] = row
            self._roster.set_anchors({**self._roster.anchors, row.ed25519.hex(): anchor})
            changes = await self._merge([*card_in(row), *documents])
            await self._settle(changes, rows=[row])
        self._announce(changes, "")

    async def enter(self, fleet: str, anchors: Mapping[str, Anchor], documents: Iterable[Signed], row: PeerRow) -> None:
        """Become a member of the fleet that let this node in."""
        async with self._lock:
            anew = fleet != self._roster.fleet
            if anew:
                self._members.move_to(fleet)
                self._roster = Roster(fleet, self._me, anchors)
            else:
                known = self._roster.anchors
                # What this node knows by itself is no other's to change, but for what it is itself.
                own = {
                    key: anchor
                    for key, anchor in known.items()
                    if not (anchor.told_by or anchor.by or key == self._me)
                }
                self._roster.set_anchors({**known, **anchors, **own})
            if await self._settling.make_way(self._roster, row):
                await self._keeping.forget(row.node)
            self._settling.rows[row.node] = row
            changes = await self._merge([self.own.card(), *card_in(row), *documents])
            if self._keeping.left == fleet:
                self._keeping.left = ""
            await self._keeping.write_file(self._roster, self._settling.rows)
            await self._settle(changes, anew=anew, rows=[row])
        self._announce(changes, row.node)

    async def begin_afresh(self, fleet: str, left: str = "") -> None:
        """Be a fleet of one, with the same identity; `left` is one to which it does not go back by itself."""
        async with self._lock:
            self._keeping.left = left or self._keeping.left
            gone = [member for member in list(self._members.others()) if self._members.remove(member.node)]
            self._members.move_to(fleet)
            self._roster = Roster(fleet, self._me, {self._me: Anchor(self._members.identity.node)})
            names, self._settling.rows = list(self._settling.rows), {}
            changes = await self._merge([self.own.card()])
            await self._keeping.write_file(self._roster, self._settling.rows)
            await self._keeping.unpin(names)
            for member in gone:
                out = Out(member.node, member.row.ed25519.hex(), "left", "", self._me, 0, "")
                await self._then.parted(member, out)
            await self._settle(changes, anew=True)

    async def keep_file(self) -> None:
        """Write fleet.json, if what it says has changed."""
        async with self._lock:
            if self._keeping.file_is_old:
                await self._keeping.write_file(self._roster, self._settling.rows, must=False)

    def _announce(self, changes: Changes, from_: str, *, rumor: bool = False) -> None:
        if not changes.new:
            return
        if not rumor:
            for signed in changes.signed:
                self.spread(signed)
        self.tell(News(changes.signed, from_))

    async def _merge(self, documents: Iterable[Signed]) -> Changes:
        changes = Changes()
        portion: list[Signed] = []
        size = 0
        for signed in documents:
            portion.append(signed)
            size += len(signed.text)
            if len(portion) >= PORTION or size >= PORTION_TEXT:
                changes.add(self._roster.merge(portion))
                portion, size = [], 0
                await asyncio.sleep(0)
        changes.add(self._roster.merge(portion))
        return changes

    async def _settle(
        self, changes: Changes, *, anew: bool = False, rows: Sequence[PeerRow] = (), starting: bool = False
    ) -> None:
        await self._settling.settle(self._roster, changes, anew=anew, rows=rows, starting=starting)
        self.on_change()
