"""Takes what peers state about our messages: checks every MAC, keeps it, and closes what has arrived.

Only the recipient's own statement moves a message beyond `sent`, and only for messages that went to that very peer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from multifleet.core.packets import Statement
from multifleet.core.receipts import BY_RECIPIENT, FINAL, State, contiguous, is_stated_by
from multifleet.node.counters import Counters
from multifleet.node.members import Member
from multifleet.node.tracker import Tracker
from multifleet.store.rows import OutboxChange, ReceiptRow
from multifleet.store.store import Store


@dataclass(frozen=True, slots=True)
class Heard:
    """What a peer stated that is new to this process."""

    rows: list[ReceiptRow]
    changes: list[OutboxChange]
    have: int


class Hearing:
    """One for the node."""

    def __init__(self, node: str, store: Store, counters: Counters, tracker: Tracker) -> None:
        self._node = node
        self._store = store
        self._counters = counters
        self._tracker = tracker
        self._up_to: dict[str, int] = {}
        self._ahead: dict[str, set[int]] = {}

    async def take(self, member: Member, log: Sequence[Statement]) -> None:
        """Keep statements; durable when this returns, so that the answer may confirm them."""
        heard = self._check(member, log)
        if heard:
            await self._store.receipts.record(heard.rows, heard.changes, member.node, heard.have)
            self._spread(heard)

    def take_later(self, member: Member, log: Sequence[Statement]) -> None:
        """Keep statements that came with an answer; they ride on the next commit."""
        heard = self._check(member, log)
        if heard:
            self._store.receipts.record_later(heard.rows, heard.changes, member.node, heard.have)
            self._spread(heard)

    def _check(self, member: Member, log: Sequence[Statement]) -> Heard | None:
        if not log:
            return None
        peer = member.node
        up_to = self._up_to.get(peer)
        if up_to is None:
            up_to = self._store.receipts.durable_have(peer)
        ahead = self._ahead.setdefault(peer, set())
        rows: list[ReceiptRow] = []
        changes: list[OutboxChange] = []
        for said in log:
            if said.seq <= up_to or said.seq in ahead:
                continue
            if not is_stated_by(member.incoming.receipt, peer, self._node, said):
                self._counters.failed("receipt_forged", peer=peer, seq=said.seq)
                return None
            ahead.add(said.seq)
            if said.state not in BY_RECIPIENT:
                self._counters.failed("receipt_unknown_state", peer=peer, seq=said.seq)
                continue
            rows.append(_row(peer, said))
            changes.append(_change(peer, said))
        up_to = contiguous(up_to, list(ahead))
        ahead -= {seq for seq in ahead if seq <= up_to}
        self._up_to[peer] = up_to
        return Heard(rows, changes, up_to)

    def _spread(self, heard: Heard) -> None:
        for row in heard.rows:
            self._tracker.stated(row.message_id, row.peer, State(row.state))


def _row(peer: str, said: Statement) -> ReceiptRow:
    return ReceiptRow(
        message_id=said.id,
        peer=peer,
        seq=said.seq,
        state=said.state,
        at=said.at / 1000,
        by=peer,
        channel=said.channel or None,
        attempt=said.attempt,
        detail=said.detail or None,
        mac=said.mac,
    )


def _change(peer: str, said: Statement) -> OutboxChange:
    reason = said.detail if said.state in FINAL and said.state != State.ANSWERED else None
    return OutboxChange(said.id, peer, said.state, reason or None, None, said.at / 1000)
