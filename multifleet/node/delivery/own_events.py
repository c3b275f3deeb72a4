"""What this node itself states about a message it sends, under its own MAC, so that a changed row shows."""

from multifleet.core.receipts import State, line_mac
from multifleet.node.clock import NodeClock
from multifleet.node.members import Members
from multifleet.store.rows import ReceiptRow


class OwnEvents:
    """One for the node."""

    def __init__(self, members: Members, clock: NodeClock) -> None:
        self._members = members
        self._clock = clock

    def event(
        self,
        message_id: str,
        peer: str,
        state: State,
        *,
        channel: str = "",
        attempt: int = 0,
        detail: str = "",
    ) -> ReceiptRow:
        """One line of a message's story, told by its sender."""
        node = self._members.identity.node
        at = round(self._clock.now() * 1000)
        mac = line_mac(self._members.own_receipts, node, peer, 0, message_id, state, at, channel, attempt, detail)
        return ReceiptRow(message_id, peer, None, state, at / 1000, node, channel or None, attempt, detail or None, mac)
