"""What this node itself states about a message it sends, under its own MAC, so that a changed row shows."""

from multifleet.core.receipts import State, state_it
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
        said = state_it(
            self._members.own_receipts,
            node,
            peer,
            seq=0,
            id=message_id,
            state=state,
            at=self._clock.now(),
            channel=channel,
            attempt=attempt,
            detail=detail,
        )
        return ReceiptRow(
            message_id,
            peer,
            None,
            state,
            said.at / 1000,
            node,
            channel or None,
            attempt,
            detail or None,
            said.mac,
        )
