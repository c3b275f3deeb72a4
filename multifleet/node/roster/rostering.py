"""Who is in the fleet, as this node sees it: keeps the signed documents and carries out what they mean.

A document is merged, what follows from it is done at once (keys of whoever is out are dropped before anything else),
and both are kept in the store and beside it. What the documents mean is decided in core.roster alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from multifleet.core.documents import Signed
from multifleet.core.keys import WeakKey
from multifleet.core.roster import Anchor, MemberFacts, Out, Roster, View
from multifleet.errors import KeyChanged, StoreUnavailable
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.members import Member, Members
from multifleet.node.roster.keeping import Changes, Keeping, KeyChange, RosterState
from multifleet.node.roster.own_documents import OwnDocuments
from multifleet.node.roster.rows import card_in, row_of
from multifleet.store.roster import Kept
from multifleet.store.rows import PeerRow

PORTION, PORTION_TEXT = 16, 16_384
"""Documents, or characters of them, after which others get their turn before the next ones are checked."""
LEARNED_LIMIT = 512
"""Documents that wait to be looked at; rumors beyond are dropped, and come again when rosters are compared."""


class Consequences(Protocol):
    """What a change of the roster does to the rest of the node."""

    def entered(self, member: Member) -> None:
        """It is in, or at other addresses than before."""

    async def parted(self, member: Member | None, out: Out) -> None:
        """It is out, and its keys are dropped already; `member` is None where it was not pinned in this run."""

    async def expelled(self, out: Out) -> None:
        """This node itself is out."""

    async def replaced(self, out: Out) -> None:
        """Another machine is about to get this one's name; StoreUnavailable: it must not yet."""


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
        self._rows: dict[str, PeerRow] = {}
        self._lock = asyncio.Lock()
        self._learned: list[tuple[Signed, str]] = []
        self._put_out: Mapping[str, Out] = {}
        self._was_out = False
        self._namesakes: frozenset[str] = frozenset()
        self.own = OwnDocuments(members, clock, lambda: self._roster, own_addresses)
        self.spread: Callable[[Signed], None] = lambda signed: None
        """Told each new document that did not come as a rumor, to make one of it."""
        self.tell: Callable[[News], None] = lambda news: None
        """Told what is to be pushed to peers at once."""
        self.on_change: Callable[[], None] = lambda: None
        """Told after each change of the view."""
        self.something_learned = asyncio.Event()
        self.may_be_behind = False
        """Whether the store was lost and only the file, perhaps an old copy, says who is out; until all were asked."""

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
        return self._rows

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
        return self._put_out.get(node)

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
        self._rows = dict(state.rows)
        self._roster = Roster(state.fleet, self._me, state.anchors)
        self._roster.settle(state.settled)
        self.may_be_behind = state.anew and any(node != self._members.identity.node for node in self._rows)
        async with self._lock:
            changes = await self._merge(state.documents)
            await self._settle(changes, anew=state.anew, starting=True)

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
            forgotten = [row.node] if await self._make_way(row) else []
            if not await keep(self._keeping.of(fresh, [row], forgotten)):
                return False
            self._rows[row.node] = row
            changes = await self._merge(documents)
            await self._settle(changes)
        self._announce(changes, "")
        return True

    async def anchor(self, row: PeerRow, anchor: Anchor, documents: Sequence[Signed] = ()) -> None:
        """Believe in a machine without a document, because the fleet's shared key or a test says so."""
        async with self._lock:
            if await self._make_way(row):
                await self._keeping.forget(row.node)
            self._rows[row.node] = row
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
                self._roster.set_anchors({**self._roster.anchors, **anchors})
            if await self._make_way(row):
                await self._keeping.forget(row.node)
            self._rows[row.node] = row
            changes = await self._merge([self.own.card(), *card_in(row), *documents])
            if self._keeping.left == fleet:
                self._keeping.left = ""
            self._keeping.write_file(self._roster, self._rows)
            await self._settle(changes, anew=anew, rows=[row])
        self._announce(changes, row.node)

    async def begin_afresh(self, fleet: str, left: str = "") -> None:
        """Be a fleet of one, with the same identity; `left` is one to which it does not go back by itself."""
        async with self._lock:
            self._keeping.left = left or self._keeping.left
            gone = [member for member in list(self._members.others()) if self._members.remove(member.node)]
            self._members.move_to(fleet)
            self._roster = Roster(fleet, self._me, {self._me: Anchor(self._members.identity.node)})
            names, self._rows = list(self._rows), {}
            changes = await self._merge([self.own.card()])
            self._keeping.write_file(self._roster, self._rows)
            await self._keeping.unpin(names)
            for member in gone:
                out = Out(member.node, member.row.ed25519.hex(), "left", "", "", 0, "")
                await self._then.parted(member, out)
            await self._settle(changes, anew=True)

    def keep_file(self) -> None:
        """Write fleet.json, if what it says has changed."""
        if self._keeping.file_is_old:
            self._keeping.write_file(self._roster, self._rows, must=False)

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
        """Do what the view says. First of all, whoever is out has no keys here any more."""
        self._pin_names()
        view = self._roster.view()
        gone = self._drop_keys(view)
        wanted = {row.node: row for row in rows if row.node in view.members} | self._to_pin(view)
        forgotten = await self._make_ways(wanted)
        renewed = [row for row in wanted.values() if row in rows or row != self._rows.get(row.node)]
        self._rows |= wanted
        self._pin_names()
        await self._keep(changes, renewed, forgotten, anew=anew)
        for row in wanted.values():
            self._pin(row)
        await self._carry_out(view, gone, starting=starting)
        self._tell_namesakes(view)
        self.on_change()

    def _pin_names(self) -> None:
        names = {row.node: row.ed25519.hex() for row in self._rows.values()}
        self._roster.pin(names | {self._members.identity.node: self._me})

    def _tell_namesakes(self, view: View) -> None:
        """Say once that a key claims a name that another one has here."""
        namesakes = {out.key: out for out in view.out.values() if out.how == "name-taken"}
        for key in namesakes.keys() - self._namesakes:
            out = namesakes[key]
            self._counters.failed("name_claimed", node=out.node, key=key[:16], has=out.by_key[:16], reason=out.reason)
        self._namesakes = frozenset(namesakes)

    async def _make_ways(self, wanted: dict[str, PeerRow]) -> list[str]:
        """Names in `wanted` that another machine had; those for which that cannot be ended now are taken out of it."""
        forgotten: list[str] = []
        for row in list(wanted.values()):
            try:
                if await self._make_way(row):
                    forgotten.append(row.node)
            except StoreUnavailable as error:
                # The keys of whoever had it are dropped. It is tried again with the next change, or at the next start.
                del wanted[row.node]
                self._counters.failed("name_not_free_yet", node=row.node, reason=error)
        return forgotten

    async def _make_way(self, row: PeerRow) -> bool:
        """End all that was with the key that had this name before, before another one gets it; whether one had it."""
        known = self._rows.get(row.node)
        if known is None or known.ed25519 == row.ed25519:
            return False
        key = known.ed25519.hex()
        await self._then.replaced(self._roster.view().out.get(key) or Out(row.node, key, "left", "", "", 0, ""))
        self._keeping.key_changed(row.node, KeyChange(key, self._clock.now()))
        return True

    def _drop_keys(self, view: View) -> dict[str, Member | None]:
        gone: dict[str, Member | None] = {}
        for member in list(self._members.others()):
            facts = view.members.get(member.node)
            if facts is None or facts.key != member.row.ed25519.hex():
                self._members.remove(member.node)
                gone[member.row.ed25519.hex()] = member
        before = {out.key: out for out in self._put_out.values()}
        self._put_out = {
            out.node: out
            for out in view.out.values()
            if out.how in ("revoked", "disputed", "orphaned") and out.node not in view.members
        }
        for out in self._put_out.values():
            if out.how != "disputed" and out.key in before and before[out.key].how == "disputed":
                gone.setdefault(out.key, None)  # it is decided now, and what waited for that is to be done
        return gone

    def _to_pin(self, view: View) -> dict[str, PeerRow]:
        """Members that are new here, or have a new card."""
        found: dict[str, PeerRow] = {}
        now = self._clock.now()
        mine = self._members.identity.node
        for facts in view.members.values():
            if facts.key == self._me or facts.node == mine:
                continue
            row = row_of(facts, self._rows.get(facts.node), now)
            if row is not None and (row != self._rows.get(facts.node) or self._members.get(facts.node) is None):
                found[facts.node] = row
        return found

    async def _keep(
        self, changes: Changes, rows: Sequence[PeerRow], forgotten: Sequence[str], *, anew: bool
    ) -> None:
        structural = anew or any(document.kind != "card" for document in changes.new)
        try:
            await self._keeping.keep(self._roster, self._rows, changes, rows, forgotten, anew=anew, at_once=structural)
        except StoreUnavailable as error:
            # What is known holds in memory all the same: a full disk must not keep a thief in.
            self._counters.failed("roster_not_kept", reason=error)

    def _pin(self, row: PeerRow) -> None:
        try:
            member = self._members.admit(row)
        except (WeakKey, KeyChanged) as error:
            self._counters.failed("card_refused", node=row.node, reason=error)
            return
        self._then.entered(member)

    async def _carry_out(self, view: View, gone: Mapping[str, Member | None], *, starting: bool) -> None:
        for key, member in gone.items():
            out = view.out.get(key)
            if out is None and member is not None:
                out = Out(member.node, key, "left", "", "", 0, "")
            if out is not None:
                await self._then.parted(member, out)
        if starting:
            for out in view.out.values():
                if out.node not in view.members:
                    await self._then.parted(None, out)
        if view.me_out is not None and not self._was_out:
            await self._then.expelled(view.me_out)
        self._was_out = view.me_out is not None
