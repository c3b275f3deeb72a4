"""Whom this node has let in: pins, checks and remembers them, in the store and beside it."""

from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from multifleet.core.keys import WeakKey
from multifleet.errors import BadInput, FleetConflict, KeyChanged
from multifleet.node.fleet_file import write_fleet
from multifleet.node.members import Member, Members
from multifleet.store.rows import PeerRow
from multifleet.store.store import Store


class Membership:
    """One for the node."""

    def __init__(
        self,
        home: Path,
        members: Members,
        store: Store,
        *,
        shared_key: bytes | None,
        expected: Mapping[str, tuple[str, ...]],
        own_addresses: Callable[[], list[str]],
        admitted: Callable[[Member], None],
    ) -> None:
        self._home = home
        self.members = members
        self._store = store
        self.shared_key = shared_key
        self.expected = expected
        """Configured machines (with their addresses) that a hello may admit."""
        self.own_addresses = own_addresses
        self._admitted = admitted

    @property
    def fleet(self) -> str:
        """The fleet's id."""
        return self.members.fleet

    def fleet_if_shared(self) -> str:
        """The fleet's id if it has other members or a shared key; empty for a fleet of one, which joining drops."""
        return self.fleet if self.shared_key or any(True for _ in self.members.others()) else ""

    def need(self, node: str) -> None:
        """UnknownNode where nothing can ever be sent to this node; a configured one may still have to say hello."""
        if node not in self.expected:
            self.members.need(node)

    def check_fleet(self, other: str, node: str) -> None:
        """FleetConflict where a machine of another fleet with members wants in."""
        if other and other != self.fleet:
            raise FleetConflict(
                f"{node} is in another fleet with members of its own: leave that one first "
                "(a new MULTIFLEET_HOME on that machine starts afresh)"
            )

    def check_key(self, row: PeerRow) -> None:
        """KeyChanged where a known node shows another identity; BadInput where it claims to be this one."""
        mine = self.members.identity
        if row.node == mine.node and row.ed25519 == mine.public:
            raise BadInput("this is this machine's own code: type it on the other one")
        if row.node == mine.node:
            raise BadInput(f"both machines call themselves {mine.node}: {self.afresh(mine.node, 'on one of them')}")
        known = self.members.get(row.node)
        if known is not None and known.row.ed25519 != row.ed25519:
            raise KeyChanged(
                f"{row.node} shows another key than the one that was pinned: if you set it up anew, "
                f"{self.afresh(row.node, 'there')}; if not, somebody poses as it"
            )
        namesake = next((other.node for other in self.members.others() if other.row.ed25519 == row.ed25519), row.node)
        if namesake != row.node:
            raise KeyChanged(f"this key is {namesake}'s here: a machine has one name; multifleet init makes new keys")
        try:
            mine.shared_secret(row.x25519)
        except WeakKey as error:
            raise BadInput(str(error)) from None

    def afresh(self, node: str, where: str) -> str:
        """What to type `where` a machine must have another name than `node`, which is taken."""
        names = (f"{node[:58].rstrip('-')}-{number}" for number in count(2))
        name = next(name for name in names if self.members.get(name) is None)
        return (
            f"{where}: multifleet down; mv ~/.multifleet ~/.multifleet.old (or what MULTIFLEET_HOME says); "
            f"multifleet init --node {name}; multifleet up, and join again"
        )

    async def admit(self, row: PeerRow) -> None:
        """Pin a machine that was let in.

        The file first: it alone says which fleet this is, and a restart puts those it names into the store.
        """
        member = self.members.admit(row)
        self._remember()
        await self._store.peers.add(row)
        self._admitted(member)

    async def enter(self, fleet: str, row: PeerRow) -> None:
        """Become a member of the fleet that let this node in."""
        if fleet != self.fleet:
            if self.fleet_if_shared():
                raise FleetConflict(
                    "this node is in a fleet with other members: leave that one first (or use another MULTIFLEET_HOME)"
                )
            self.members.move_to(fleet)
        await self.admit(row)

    def _remember(self) -> None:
        write_fleet(self._home, self.fleet, [member.row for member in self.members.others()])
