"""What a person decides about the fleet: to put a machine out, or to leave. Says what follows from it."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from multifleet.core.documents import Revocation, Signed
from multifleet.core.issuing import STRANGER, may_revoke
from multifleet.core.roster import MemberFacts, Out, View
from multifleet.core.whom import ITSELF, begins, is_key, nobody
from multifleet.errors import BadInput, Revoked, UnknownNode
from multifleet.node.members import Member, Members
from multifleet.node.picture import problems
from multifleet.node.roster.exchange import RosterExchange, Word
from multifleet.node.roster.membership import Membership
from multifleet.node.roster.parting import Parting
from multifleet.node.roster.rostering import Rostering
from multifleet.node.roster.words import COME_BACK, HAS_LEFT, me_out_words, out_words
from multifleet.operations.roster_views import LeftView, RevokedView, SettledView

LAST_WORD_SECONDS = 3.0
"""For telling whom it concerns, and the others where no daemon runs to do it."""
TOLD_AT_ONCE = 16
LAY_ALL_SECONDS = 15.0
"""For leaving a last word for those whom it did not reach; the command line waits twice as long."""
WORD_LIES = 30 * 86_400.0
"""Seconds for which a last word waits for who was not reached."""


@dataclass(frozen=True, slots=True)
class Captaincy:
    """One for the node."""

    members: Members
    membership: Membership
    rostering: Rostering
    parting: Parting
    exchange: RosterExchange

    async def revoke(
        self, whom: str, reason: str, *, with_admitted: bool, bring_others_back: bool, running: bool
    ) -> RevokedView:
        """Put a machine out, for good."""
        self._need_entitled()
        target = self._target(whom)
        before, was_stopped = self.rostering.view, self.rostering.is_stopped
        let_in = {
            held.key for held in self.rostering.roster.held_by("admission", target.key) if held.key in before.by_key
        } | {member.key for member in before.members.values() if member.by == target.key}
        back = bring_others_back or self._was_put_out_by(target.key)
        documents = self._revocation(target.key, reason, with_admitted=with_admitted, back=back)
        member = self._pinned(target)
        given_up = self.parting.given_up.get(target.node, 0)
        await self.rostering.take(documents)
        told = member is not None and await self._tell([member], documents) != []
        others = [] if running or not documents else list(self.members.others())
        heard = await self._tell(others, documents)
        after = self.rostering.view
        known = before.out.get(target.key)
        already = known if known is not None and known.how == "revoked" else None
        out = after.out.get(target.key)
        return RevokedView(
            node=target.node,
            key=target.key[:16],
            how=out.how if out else "disputed",
            stays=sorted(after.by_key[key].node for key in let_in if key in after.by_key),
            gone=sorted(
                facts.node for key, facts in before.by_key.items() if key not in after.by_key and key != target.key
            ),
            back=sorted(facts.node for key, facts in after.by_key.items() if key not in before.by_key),
            given_up=self.parting.given_up.get(target.node, 0) - given_up,
            told=told,
            running=running,
            had_put_out_me=any(
                held.by == target.key for held in self.rostering.roster.held("revocation", self.rostering.key)
            ),
            already=out_words(already) if already else None,
            already_at=already.at / 1000 if already else None,
            stays_out=tuple(sorted(self._stay_out(target.key, after))),
            turned=None if self.rostering.is_stopped is was_stopped else not was_stopped,
            heard=tuple(sorted(heard)),
            not_heard=tuple(sorted({other.node for other in others} - {*heard})),
        )

    def _revocation(self, key: str, reason: str, *, with_admitted: bool, back: bool) -> list[Signed]:
        """This node's word against a key; nothing where it stands already and says as much.

        A later one takes the place of the earlier, and its reason and date with it: that one is to be kept.
        """
        accepted = self.rostering.view.accepted
        held = self.rostering.roster.held("revocation", key)
        stands = [one for one in held if one.by == self.rostering.key and one.id in accepted]
        said = next((one.body.reason for one in stands if isinstance(one.body, Revocation)), "")
        if stands and not with_admitted and not back and (said or not reason):
            return []
        return self.rostering.own.revocation(key, said or reason, with_admitted=with_admitted, bring_others_back=back)

    def _stay_out(self, key: str, view: View) -> set[str]:
        """Whom this key alone has put out, and who are out still."""
        roster = self.rostering.roster
        found: set[str] = set()
        for held in roster.held_by("revocation", key):
            words = [one for one in roster.held("revocation", held.key) if one.id in view.accepted]
            if words and all(one.by == key for one in words) and held.key in view.out:
                found.add(view.out[held.key].node)
        return found

    async def settle(self, whom: str, *, undo: bool) -> SettledView:
        """Hold with one side of a dispute, on this machine alone."""
        roster, before = self.rostering.roster, self.rostering.view
        disputes = roster.disputes()
        found = [one for one in disputes if one.by == whom or begins(one.by_key, whom)]
        keys = {one.by_key for one in found}
        if not found:
            sides = ", ".join(sorted({one.by or one.by_key[:16] for one in disputes}))
            hint = f"hold with one of {sides}" if sides else "multifleet roster shows what there is to settle"
            raise BadInput(f"{whom} has put nobody out in a dispute: {hint}")
        if len(keys) > 1:
            named = ", ".join(sorted(key[:16] for key in keys))
            raise BadInput(f"{whom} has been the name of several machines: say which by its key ({named})")
        words = {one.id for one in found}
        if undo and not words & roster.settled:
            raise BadInput(f"this machine does not hold with {whom} in a dispute: there is nothing to take back")
        against = {one.id for one in disputes if one.key in keys}
        await self.rostering.settle(roster.settled - words - against | (set() if undo else words))
        after = self.rostering.view
        targets = sorted({one.node for one in found})
        side = f"multifleet revoke {targets[0]}" if targets else "revoke"
        note = (
            f"the dispute is open again on this machine; {side} on another captain settles it for all"
            if undo
            else f"this holds on this machine alone, and no other is told; {side} on another captain settles it for all"
        )
        return SettledView(
            holds_with=None if undo else found[0].by or found[0].by_key[:16],
            against=[] if undo else targets,
            back=sorted(facts.node for key, facts in after.by_key.items() if key not in before.by_key),
            gone=sorted(facts.node for key, facts in before.by_key.items() if key not in after.by_key),
            disputes=list(problems(after)),
            note=note,
        )

    async def leave(self, *, running: bool) -> LeftView:
        """Tell the members, and be a fleet of one again; without a daemon there is the direct way alone."""
        fleet = self.membership.fleet
        others = list(self.members.others())
        view = self.rostering.view
        if not others and len(view.members) <= 1 and view.is_captain(self.rostering.key):
            note = "this node is in a fleet of its own: there is nobody to leave, and nothing was done"
            return LeftView(self.members.identity.node, fleet, fleet, [], 0, note, running=running)
        document = self.rostering.own.leave()
        notes = [f"{HAS_LEFT}: {COME_BACK}"] if self.membership.is_shared else []
        stay = sorted(name for name, facts in view.members.items() if facts.key != self.rostering.key)
        if stay and view.captains() == [self.members.identity.node]:
            notes.append(f"no captain is left there, so nobody can let others in or put them out: {', '.join(stay)}")
        given_up = sum(self.parting.given_up.values())
        told = await self._tell(others, [document])
        deaf = [member for member in others if member.node not in told]
        words = await self._leave_word(deaf, document) if running else {}
        told += [node for node, word in words.items() if word.told]
        waits = {node: word.where for node, word in words.items() if word.where and not word.told}
        new_fleet = secrets.token_hex(16)
        shared = self.membership.is_shared
        await self.rostering.begin_afresh(new_fleet, fleet if shared else "")
        if shared:
            self.membership.give_up_shared_key()
        return LeftView(
            node=self.members.identity.node,
            fleet=fleet,
            new_fleet=new_fleet,
            told=sorted(told),
            given_up=sum(self.parting.given_up.values()) - given_up,
            note="; ".join(notes) or None,
            waits=tuple(f"{node} ({where})" for node, where in sorted(waits.items())),
            not_told=tuple(sorted({member.node for member in deaf} - {*told, *waits})),
            running=running,
        )

    def _need_entitled(self) -> None:
        out = self.rostering.view.me_out
        if out is None:
            self.membership.need_captain("put others out")
        elif not may_revoke(self.rostering.view, self.rostering.key):
            raise Revoked(me_out_words(out))
        # A captain that was put out may answer in kind: the two are disputed then, and a third one decides.

    def _was_put_out_by(self, key: str) -> bool:
        """Whether this key has put out this machine, or one that let it in: then nothing that it put out stays out."""
        roster, mine = self.rostering.roster, self.rostering.key
        kin = {mine, *(held.by for held in roster.held("admission", mine))}
        return any(held.key in kin for held in roster.held_by("revocation", key))

    def _target(self, whom: str) -> MemberFacts | Out:
        view = self.rostering.view
        found: list[MemberFacts | Out] = [facts for name, facts in view.members.items() if name == whom]
        if not found:
            found = [facts for key, facts in view.by_key.items() if begins(key, whom)]
        if not found:
            gone = [out for out in view.out.values() if out.node == whom or begins(out.key, whom)]
            found = list(gone)
        if not found and is_key(whom):
            # Somebody who was told of it by a captain gone bad may believe in it, and is to hear that it is out.
            return Out(STRANGER, whom, "orphaned", "", "", 0, "")
        if not found:
            raise UnknownNode(nobody(whom))
        if len(found) > 1:
            keys = ", ".join(sorted(f"{one.key[:16]}: {_standing(one)}" for one in found))
            raise BadInput(f"{whom} has been the name of several machines: say which by its key ({keys})")
        if found[0].key == self.rostering.key:
            raise BadInput(ITSELF)
        return found[0]

    def _pinned(self, target: MemberFacts | Out) -> Member | None:
        member = self.members.get(target.node)
        return member if member is not None and member.row.ed25519.hex() == target.key else None

    async def _tell(self, members: Sequence[Member], documents: Sequence[Signed]) -> list[str]:
        """Hand documents to these, as far as that can be done in a moment; who has heard it."""
        told: list[str] = []
        room = asyncio.Semaphore(TOLD_AT_ONCE)

        async def tell(member: Member) -> None:
            async with room:
                if await self.exchange.say(member, documents):
                    told.append(member.node)

        try:
            async with asyncio.timeout(LAST_WORD_SECONDS), asyncio.TaskGroup() as group:
                for member in members:
                    group.create_task(tell(member), name=f"last word to {member.node}")
        except TimeoutError:
            pass  # whoever has not heard it hears it from others
        return told

    async def _leave_word(self, members: Sequence[Member], document: Signed) -> dict[str, Word]:
        """Lay a document where those will find it whom it did not reach, as far as that is done while a user waits."""
        left: dict[str, Word] = {}
        room = asyncio.Semaphore(TOLD_AT_ONCE)

        async def lay(member: Member) -> None:
            async with room:
                left[member.node] = await self.exchange.leave_for(member, [document], WORD_LIES)

        try:
            async with asyncio.timeout(LAY_ALL_SECONDS), asyncio.TaskGroup() as group:
                for member in members:
                    group.create_task(lay(member), name=f"last word for {member.node}")
        except TimeoutError:
            pass  # whoever finds nothing hears it from others
        return left


def _standing(one: MemberFacts | Out) -> str:
    return out_words(one) if isinstance(one, Out) else "a member"
