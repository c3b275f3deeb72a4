"""Does what a view of the roster says: drops the keys of whoever is out, pins whoever is in, and tells the rest of the
node. What the documents mean is decided in core.roster; when a change is due, in rostering.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from msgspec.structs import replace

from multifleet.core.keys import WeakKey
from multifleet.core.roster import Out, Roster, View
from multifleet.errors import KeyChanged, StoreUnavailable
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.members import Member, Members
from multifleet.node.roster.keeping import Changes, Keeping, KeyChange
from multifleet.node.roster.rows import row_of
from multifleet.store.rows import PeerRow


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


class Settling:
    """One for the node. Its caller lets one change be settled before the next."""

    def __init__(
        self, keeping: Keeping, members: Members, clock: NodeClock, counters: Counters, consequences: Consequences
    ) -> None:
        self._keeping = keeping
        self._members = members
        self._clock = clock
        self._counters = counters
        self._then = consequences
        self._me = members.identity.public.hex()
        self._was_out = False
        self._namesakes: frozenset[str] = frozenset()
        self.rows: dict[str, PeerRow] = {}
        """Every peer that was ever pinned, by name."""
        self.put_out: Mapping[str, Out] = {}
        """Who is out against its will, by names that no other machine has."""

    async def settle(
        self,
        roster: Roster,
        changes: Changes,
        *,
        anew: bool = False,
        rows: Sequence[PeerRow] = (),
        starting: bool = False,
    ) -> None:
        """Do what the view says. First of all, whoever is out has no keys here any more."""
        self._pin_names(roster)
        view = roster.view()
        gone = self._drop_keys(view)
        self._set_aside(roster, gone, starting=starting)
        wanted = {row.node: row for row in rows if row.node in view.members} | self._to_pin(view)
        forgotten = await self._make_ways(roster, wanted)
        renewed = [row for row in wanted.values() if row in rows or row != self.rows.get(row.node)]
        self.rows |= wanted
        self._pin_names(roster)
        await self._keep(roster, changes, renewed, forgotten, anew=anew)
        for row in wanted.values():
            self._pin(row)
        await self._carry_out(view, gone, starting=starting)
        self._tell_namesakes(view)

    def _pin_names(self, roster: Roster) -> None:
        names = {row.node: row.ed25519.hex() for row in self.rows.values()}
        roster.pin(names | {self._members.identity.node: self._me})

    def _tell_namesakes(self, view: View) -> None:
        """Say once that a key claims a name that another one has here."""
        namesakes = {out.key: out for out in view.out.values() if out.how == "name-taken"}
        for key in namesakes.keys() - self._namesakes:
            out = namesakes[key]
            self._counters.failed("name_claimed", node=out.node, key=key[:16], has=out.by_key[:16], reason=out.reason)
        self._namesakes = frozenset(namesakes)

    async def _make_ways(self, roster: Roster, wanted: dict[str, PeerRow]) -> list[str]:
        """Names in `wanted` that another machine had; those for which that cannot be ended now are taken out of it."""
        forgotten: list[str] = []
        for row in list(wanted.values()):
            try:
                if await self.make_way(roster, row):
                    forgotten.append(row.node)
            except StoreUnavailable as error:
                # The keys of whoever had it are dropped. It is tried again with the next change, or at the next start.
                del wanted[row.node]
                self._counters.failed("name_not_free_yet", node=row.node, reason=error)
        return forgotten

    async def make_way(self, roster: Roster, row: PeerRow) -> bool:
        """End all that was with the key that had this name before, before another one gets it; whether one had it."""
        known = self.rows.get(row.node)
        if known is None or known.ed25519 == row.ed25519:
            return False
        key = known.ed25519.hex()
        await self._then.replaced(roster.view().out.get(key) or Out(row.node, key, "left", "", "", 0, ""))
        self._keeping.key_changed(row.node, KeyChange(key, self._clock.now()))
        return True

    def _drop_keys(self, view: View) -> dict[str, Member | None]:
        gone: dict[str, Member | None] = {}
        for member in list(self._members.others()):
            facts = view.members.get(member.node)
            if facts is None or facts.key != member.row.ed25519.hex():
                self._members.remove(member.node)
                self._remember(member)
                gone[member.row.ed25519.hex()] = member
        before = {out.key: out for out in self.put_out.values()}
        self.put_out = {
            out.node: out
            for out in view.out.values()
            if out.how in ("revoked", "disputed", "orphaned") and out.node not in view.members
        }
        for out in self.put_out.values():
            if out.how != "disputed" and out.key in before and before[out.key].how == "disputed":
                gone.setdefault(out.key, None)  # it is decided now, and what waited for that is to be done
        return gone

    def _set_aside(self, roster: Roster, gone: Mapping[str, Member | None], *, starting: bool) -> None:
        """Keep the keys of whoever is out against its will where nothing but documents is taken under them."""
        aside, now = self._members.aside, self._clock.now()
        everybody = roster.view().out.items()
        out = {key: one.how for key, one in everybody if one.how in ("revoked", "disputed", "orphaned")}
        for key, member in gone.items():
            if member is not None and key in out:
                aside.put(member, out[key], now)
        for row in self.rows.values() if starting else ():
            how = out.get(row.ed25519.hex())
            if how is not None:
                since = row.state_since if row.state == "revoked" else None
                with suppress(WeakKey):
                    aside.put(self._members.outsider(row), how, now if since is None else since)
        aside.keep(out, roster.contested() if len(aside) else ())

    def _remember(self, member: Member) -> None:
        """When it was last heard, for people who look at who is out."""
        row = self.rows.get(member.node)
        if row is not None and member.heard_wall is not None:
            self.rows[member.node] = replace(row, heard_at=member.heard_wall)

    def _to_pin(self, view: View) -> dict[str, PeerRow]:
        """Members that are new here, or have a new card."""
        found: dict[str, PeerRow] = {}
        now = self._clock.now()
        mine = self._members.identity.node
        for facts in view.members.values():
            if facts.key == self._me or facts.node == mine:
                continue
            row = row_of(facts, self.rows.get(facts.node), now)
            if row is not None and (row != self.rows.get(facts.node) or self._members.get(facts.node) is None):
                found[facts.node] = row
        return found

    async def _keep(
        self, roster: Roster, changes: Changes, rows: Sequence[PeerRow], forgotten: Sequence[str], *, anew: bool
    ) -> None:
        structural = anew or any(document.kind != "card" for document in changes.new)
        try:
            await self._keeping.keep(roster, self.rows, changes, rows, forgotten, anew=anew, at_once=structural)
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
