"""Takes what peers state about our messages: checks every MAC, keeps it, and closes what has arrived.

Only the recipient's own statement moves a message beyond `sent`, and only for messages that went to that very peer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multifleet.core.packets import Statement
from multifleet.core.receipts import BY_RECIPIENT, FINAL, State, contiguous, is_stated_by
from multifleet.node.counters import Counters
from multifleet.node.delivery.tracker import Tracker
from multifleet.node.members import Member
from multifleet.store.rows import OutboxChange, ReceiptRow
from multifleet.store.store import Store

AHEAD = 1_024
"""How far beyond a gap statements are taken."""

@dataclass(frozen=True, slots=True)
class Heard:
    """What a peer stated that is new to this process."""

    peer: str
    rows: list[ReceiptRow]
    changes: list[OutboxChange]
    have: int
    seqs: set[int]


class Hearing:
    """One for the node."""

    def __init__(
        self,
        node: str,
        store: Store,
        counters: Counters,
        tracker: Tracker,
        ended: Callable[[str, str], None],
        arrived: Callable[[str, str, str, float], None],
    ) -> None:
        """`arrived` is told (peer, message, channel, moment by this node's clock) of all that the peer has."""
        self._node = node
        self._store = store
        self._counters = counters
        self._tracker = tracker
        self._ended = ended
        self._arrived = arrived
        self._up_to: dict[str, int] = {}
        self._ahead: dict[str, set[int]] = {}

    async def take(self, member: Member, log: Sequence[Statement]) -> None:
        """Keep the statements of a peer's request, which are all that it has to say; durable when this returns, so
        that the answer may confirm them."""
        heard = self._check(member, log, whole=True)
        if heard:
            await self._store.receipts.record(heard.rows, heard.changes, member.node, heard.have)
            self._spread(heard, member.offset or 0.0)

    def take_later(self, member: Member, log: Sequence[Statement], *, whole: bool) -> None:
        """Keep statements that came with an answer; they ride on the next commit. `whole`: the peer left none out."""
        if self._store.database.degraded is not None:
            return  # not confirmed, hence said again
        heard = self._check(member, log, whole=whole)
        if heard:
            self._store.receipts.record_later(heard.rows, heard.changes, member.node, heard.have)
            self._spread(heard, member.offset or 0.0)

    def forget(self, peer: str) -> None:
        """Another machine has this name now: its statements are numbered from 1."""
        self._up_to.pop(peer, None)
        self._ahead.pop(peer, None)

    def _check(self, member: Member, log: Sequence[Statement], *, whole: bool) -> Heard | None:
        if not log:
            return None
        peer = member.node
        up_to = self._heard_up_to(peer)
        if whole and log[0].seq > up_to + 1:
            # It forgets only what was confirmed from here: a store that was lost since then has nothing to wait for.
            up_to = log[0].seq - 1
        known = self._ahead.get(peer, set())
        keys = list(dict.fromkeys([member.incoming.receipt, *member.ring.receipt_keys()]))
        seqs: set[int] = set()
        rows: list[ReceiptRow] = []
        changes: list[OutboxChange] = []
        for said in log:
            if said.seq <= up_to or said.seq in known or said.seq in seqs:
                continue
            if said.seq > up_to + AHEAD:
                continue  # not confirmed, hence said again once the gap is closed
            if not any(is_stated_by(key, peer, self._node, said) for key in keys):
                self._counters.failed("receipt_forged", peer=peer, seq=said.seq)
                return None
            seqs.add(said.seq)
            if said.state not in BY_RECIPIENT:
                self._counters.failed("receipt_unknown_state", peer=peer, seq=said.seq)
                continue
            rows.append(_row(peer, said))
            changes.append(_change(peer, said))
        return Heard(peer, rows, changes, contiguous(up_to, [*known, *seqs]), seqs)

    def _heard_up_to(self, peer: str) -> int:
        up_to = self._up_to.get(peer)
        return self._store.receipts.durable_have(peer) if up_to is None else up_to

    def _spread(self, heard: Heard, offset: float) -> None:
        """Only what is kept is remembered as heard: what a full disk turned away is said again."""
        ahead = self._ahead.pop(heard.peer, set()) | heard.seqs
        up_to = contiguous(max(heard.have, self._heard_up_to(heard.peer)), list(ahead))
        self._up_to[heard.peer] = up_to
        if left := {seq for seq in ahead if seq > up_to}:
            self._ahead[heard.peer] = left
        for row in heard.rows:
            self._tracker.stated(row.message_id, row.peer, State(row.state))
            self._arrived(row.peer, row.message_id, row.channel or "", row.at - offset)
            if row.state in FINAL:
                self._ended(row.peer, row.message_id)


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


_WITH_REASON = (FINAL - {State.ANSWERED}) | {State.STORED, State.HELD}
"""States with which a recipient says why: how it ended, or for what it waits."""


def _change(peer: str, said: Statement) -> OutboxChange:
    reason = said.detail if said.state in _WITH_REASON else None
    return OutboxChange(said.id, peer, said.state, reason or None, None, said.at / 1000)
