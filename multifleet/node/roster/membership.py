"""Whom this node lets in, and as what: checks whoever wants in, and signs for whoever may."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from typing import Literal

from msgspec.structs import replace

from multifleet.core.card import Card
from multifleet.core.documents import Role, Signed
from multifleet.core.keys import WeakKey
from multifleet.core.roster import Anchor
from multifleet.errors import (
    BadInput,
    FleetConflict,
    InviteWrong,
    KeyChanged,
    NotEntitled,
    Revoked,
    StoreUnavailable,
    UnknownNode,
)
from multifleet.node.members import Members
from multifleet.node.roster.roles import Roles
from multifleet.node.roster.rostering import Rostering
from multifleet.node.roster.words import me_out_words, out_words
from multifleet.store.invites import Invites
from multifleet.store.roster import Kept
from multifleet.store.rows import InviteRow, PeerRow

Kind = Literal["join", "hello"]
SHOWN = 3
"""Names of machines that are told where there are more."""
NO_CAPTAIN = "no captain is in this fleet any more; multifleet leave makes this machine the first of one of its own"


class Membership:
    """One for the node."""

    def __init__(
        self,
        members: Members,
        rostering: Rostering,
        roles: Roles,
        *,
        shared_key: bytes | None,
        has_left: bool = False,
        expected: Mapping[str, tuple[str, ...]],
        own_addresses: Callable[[], list[str]],
    ) -> None:
        self.members = members
        self.rostering = rostering
        self._roles = roles
        self._shared_key = shared_key
        self._has_left = has_left
        self._expected = expected
        self.own_addresses = own_addresses
        self.other_keys: dict[str, str] = {}
        """Members of whose name a machine with another key asked to be let in since the daemon started."""

    @property
    def fleet(self) -> str:
        """The fleet's id."""
        return self.members.fleet

    @property
    def shared_key(self) -> bytes | None:
        """The fleet's shared key, as long as it lets anybody in: whoever was put out knows it too."""
        return None if self.rostering.view.retired else self._shared_key

    @property
    def is_shared(self) -> bool:
        """Whether this node was given a shared key."""
        return self._shared_key is not None

    @property
    def has_left(self) -> bool:
        """Whether the shared key in the environment is of a fleet that this node has left."""
        return self._has_left

    def give_up_shared_key(self) -> None:
        """Be as if there were none: this node has left the fleet that it names."""
        self._shared_key, self._has_left = None, True

    @property
    def is_key_retired(self) -> bool:
        """Whether there is a shared key that lets nobody in any more."""
        return self._shared_key is not None and self.rostering.view.retired

    @property
    def expected(self) -> Mapping[str, tuple[str, ...]]:
        """Configured machines (with their addresses) that a hello may admit."""
        return self._expected if self.shared_key is not None else {}

    def fleet_if_shared(self) -> str:
        """The fleet's id if it has other members or a shared key; empty for a fleet of one, which joining drops."""
        return self.fleet if self._shared_key or any(True for _ in self.members.others()) else ""

    def need(self, node: str) -> None:
        """UnknownNode or Revoked where nothing can be sent to this node; a configured one may still say hello."""
        view = self.rostering.view
        if node == self.members.identity.node:
            return
        if view.me_out is not None and view.me_out.how != "disputed":
            raise Revoked(me_out_words(view.me_out))
        if self.members.get(node) is not None or node in self.expected:
            return
        if node in view.members:
            raise UnknownNode(f"{node} is in the fleet, and its card has not come yet: try again in a moment")
        out = self.rostering.put_out(node)
        if out is not None:
            raise Revoked(f"{out_words(out)}: nothing is sent to it")
        if any(out.node == node and out.how == "left" for out in view.out.values()):
            raise UnknownNode(f"{node} left the fleet: multifleet invite lets it in again")
        self.members.need(node)

    def key_of(self, node: str) -> str:
        """The Ed25519 key in hex that this name has here; empty for a configured one that has not said hello."""
        member = self.members.get(node)
        return member.row.ed25519.hex() if member is not None else ""

    def need_captain(self, to: str) -> None:
        """NotEntitled, with where it can be done, unless this node is a captain; `to` says what for."""
        view = self.rostering.view
        if view.me_out is not None:
            raise Revoked(me_out_words(view.me_out))
        if not view.is_captain(self.rostering.key):
            captains = ", ".join(view.captains())
            where = f"do it on {captains}" if captains else self._without_captain()
            raise NotEntitled(f"{self.members.identity.node} is a worker and may not {to}: {where}")

    def _without_captain(self) -> str:
        """What to do where none is known here; leaving is not undone, so the others are looked at first."""
        others = [node for node in self.rostering.view.members if node != self.members.identity.node]
        if not others:
            return NO_CAPTAIN
        names = ", ".join(sorted(others)[:SHOWN])
        return (
            f"it knows of no captain in this fleet; look at multifleet roster on {names} first: a captain that is "
            "shown there can do it, and only where there is none does multifleet leave help, which makes this machine "
            "the first of a fleet of its own"
        )

    def need_inviter(self) -> None:
        """Revoked or NotEntitled, in words for a machine that wants in, where this node lets nobody in any more."""
        out = self.rostering.view.me_out
        if out is not None:
            raise Revoked(
                f"{self.members.identity.node}, which made this code, is out of the fleet itself ({out_words(out)}): "
                "take a code of a captain that is in"
            )
        self.need_captain("let others in")

    def need_caught_up(self) -> None:
        """StoreUnavailable as long as it is not known who is out."""
        if self.rostering.may_be_behind:
            raise StoreUnavailable(
                f"{self.members.identity.node} has lost its store and asks the others first who is out: "
                "try again in a few seconds"
            )

    def check_fleet(self, other: str, node: str) -> None:
        """FleetConflict where a machine of another fleet with members wants in."""
        if other and other != self.fleet:
            raise FleetConflict(
                f"{node} is in another fleet with members of its own: type multifleet leave there first "
                "(or begin afresh with a new MULTIFLEET_HOME)"
            )

    def check_hello(self, card: Card) -> None:
        """InviteWrong where the shared key does not let this machine in, StoreUnavailable where it does not yet."""
        view = self.rostering.view
        if card.ed25519 in view.by_key:
            return
        if card.node not in self.expected:
            raise InviteWrong(f"{card.node} is not in the configuration here: add it to nodes in config.json")
        if card.ed25519 in view.out:
            # A hello has no date: one that was recorded before would undo what was decided since.
            raise InviteWrong(f"{out_words(view.out[card.ed25519])}, and comes back by a join code only")
        # Whoever was put out while this node was off knows the shared key too, and any name that is still free.
        if lacking := self.rostering.met.lacking(view.members):
            self.rostering.meet(lacking)
            raise StoreUnavailable(
                f"{self.members.identity.node} was started anew, and lets nobody in by the shared key before it has "
                f"asked {' and '.join(lacking) if len(lacking) < 3 else 'two of its members'} who is out: try again "
                "when they are there, or take a join code"
            )

    def check_key(self, row: PeerRow) -> None:
        """KeyChanged where a known node shows another identity, Revoked where it was put out; BadInput where it claims
        to be this one."""
        mine = self.members.identity
        if row.node == mine.node and row.ed25519 == mine.public:
            raise BadInput("this is this machine's own code: type it on the other one")
        if row.node == mine.node:
            raise BadInput(f"both machines call themselves {mine.node}: {self.afresh(mine.node, 'on one of them')}")
        out = self.rostering.view.out.get(row.ed25519.hex())
        if out is not None and out.how in ("revoked", "disputed"):
            raise Revoked(f"{out_words(out)}. It comes back only with new keys: {self.afresh(row.node, 'there')}")
        known = self.rostering.view.members.get(row.node)
        if known is not None and known.key != row.ed25519.hex():
            self.other_keys[row.node] = row.ed25519.hex()
            raise KeyChanged(
                f"{row.node} shows another key than the one that was pinned: if you set it up anew, "
                f"{self.afresh(row.node, 'there')}, or put the old one out here (multifleet revoke {row.node}); "
                "if not, somebody poses as it"
            )
        namesake = self.rostering.view.by_key.get(row.ed25519.hex())
        if namesake is not None and namesake.node != row.node:
            raise KeyChanged(
                f"this key is {namesake.node}'s here: a machine has one name; multifleet init makes new keys"
            )
        try:
            mine.shared_secret(row.x25519)
        except WeakKey as error:
            raise BadInput(str(error)) from None

    def afresh(self, node: str, where: str) -> str:
        """What to type `where` a machine must have new keys; under another name than `node` where that is taken."""
        taken = {self.members.identity.node, *self.rostering.view.members}
        names = chain([node], (f"{node[:58].rstrip('-')}-{number}" for number in count(2)))
        name = next(name for name in names if name not in taken)
        return (
            f"{where}: multifleet down; mv ~/.multifleet ~/.multifleet.old (or what MULTIFLEET_HOME says; config.json "
            f"may be copied back); multifleet init --node {name}; multifleet up, and join again"
        )

    async def admit(self, row: PeerRow) -> None:
        """Believe in a machine without anybody's signature, as what the configuration says."""
        await self.rostering.anchor(row, self._roles.anchor(row.node))

    async def let_in(
        self, invites: Invites, invite: InviteRow, row: PeerRow, card: Signed, nonce: str, now: float
    ) -> None:
        """Let a machine in under an invitation. A request that was answered before changes nothing."""
        role: Role = "worker" if invite.role == "worker" else "captain"
        key = row.ed25519.hex()
        documents = [card]
        known = self.rostering.view.by_key.get(key)
        if role == "worker" and self._stays_captain(key):
            raise BadInput(
                f"{row.node} was let in as a captain, and no invitation makes less of it: ask for one without "
                f"--role worker, or let multifleet revoke {row.node} be said on a captain first, and join with new "
                f"keys ({self.afresh(row.node, 'there')})"
            )
        if known is None or (known.role == "worker" and role == "captain"):
            documents.append(self.rostering.own.admission(row.node, key, role, role == "captain"))
        # One code lets in one machine: the same key under another name is another one.
        used_by = row.ed25519 + row.node.encode()

        async def keep(kept: Kept) -> bool:
            return await invites.use(invite.id, used_by, nonce, kept, now=now)

        await self.rostering.let_in(replace(row, role=role), documents, keep)

    def _stays_captain(self, key: str) -> bool:
        """Whether this key is a captain's as soon as it is in: what it was once let in as counts on after it left."""
        view = self.rostering.view
        known, out = view.by_key.get(key), view.out.get(key)
        if known is not None:
            return known.role == "captain"
        return out is not None and out.how == "left" and key in view.entitled

    async def greeted(self, row: PeerRow, card: Card, signed: Signed) -> None:
        """Let a machine in that knows the fleet's shared key, as what the configuration here says it is.

        Of a member only the card is taken: what it is was said by others, and a hello makes no more of it.
        """
        self.check_hello(card)
        if row.ed25519.hex() in self.rostering.view.by_key:
            await self.rostering.take([signed])
            return
        anchor = self._roles.anchor(row.node)
        documents = [signed]
        if self.rostering.view.is_captain(self.rostering.key):
            documents.append(
                self.rostering.own.admission(row.node, row.ed25519.hex(), anchor.role, anchor.eligible)
            )
        await self.rostering.anchor(replace(row, role=anchor.role), anchor, documents)

    async def enter(
        self,
        kind: Kind,
        fleet: str,
        anchors: Mapping[str, Anchor],
        documents: Sequence[Signed],
        row: PeerRow,
        card: Card,
        signed: Signed,
    ) -> None:
        """Become a member of the fleet that let this node in."""
        if fleet != self.fleet and self.fleet_if_shared():
            raise FleetConflict(
                "this node is in a fleet with other members: type multifleet leave first "
                "(or begin afresh with a new MULTIFLEET_HOME)"
            )
        if kind == "hello":
            await self.greeted(row, card, signed)
        else:
            await self.rostering.enter(fleet, anchors, [signed, *documents], row)
            self._has_left = self._has_left and self.rostering.left != ""
