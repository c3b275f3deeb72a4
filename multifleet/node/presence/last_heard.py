"""Notes when each member was heard last, and from where; commits that now and then."""

from multifleet.node.clock import NodeClock
from multifleet.node.members import Member
from multifleet.store.store import Store


class LastHeard:
    """One for the node."""

    def __init__(self, store: Store, clock: NodeClock) -> None:
        self._store = store
        self._clock = clock
        self._heard: dict[str, Member] = {}

    def note(self, member: Member, remote: str) -> None:
        """Something authentic came from a peer just now, by whatever way."""
        is_first = member.heard_wall is None
        member.heard_at, member.heard_wall = self._clock.monotonic(), self._clock.now()
        member.heard_from = remote or None
        if is_first:
            self._keep(member)
        else:
            self._heard[member.node] = member  # a commit for each would be most of what an idle node does

    def keep_all(self) -> None:
        """Commit what was noted."""
        while self._heard:
            self._keep(self._heard.popitem()[1])

    def _keep(self, member: Member) -> None:
        self._store.peers.heard_later(member.node, member.heard_wall or 0.0, member.heard_from)
