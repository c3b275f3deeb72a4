"""Rows with plain values, for tests that care about one or two of them."""

from typing import Any

from msgspec.structs import replace

from multifleet.store.rows import InboundFrame, InboxRow, OutboxRow, PeerRow, ReceiptRow, Refusal

MAC = "0" * 64
FAR = 2_000_000_000


def outbox_row(id: str, peer: str = "mac2", **fields: Any) -> OutboxRow:
    """A message from mac1/web to the seat api."""
    row = OutboxRow(
        id=id,
        peer=peer,
        to=f"{peer}/api",
        sender="mac1/web",
        type="context",
        tier=1,
        urgency="next-turn",
        thread=None,
        n=1,
        prev=None,
        created=1_000,
        expires=FAR,
        packet=b"{}",
        state="queued",
        reason=None,
        unknown_outcome=False,
        closed_at=None,
    )
    return replace(row, **fields)


def queued(row: OutboxRow) -> ReceiptRow:
    """The first event of a message."""
    return ReceiptRow(row.id, row.peer, None, "queued", 1_000.5, "mac1", None, 0, None, MAC)


def receipt(id: str, state: str, seq: int | None, peer: str = "mac2", **fields: Any) -> ReceiptRow:
    """A statement of the peer, or (seq None) of this node."""
    by = "mac1" if seq is None else peer
    return replace(ReceiptRow(id, peer, seq, state, 1_000.5 + (seq or 0), by, "P2", 1, None, MAC), **fields)


def inbox_row(id: str, sender: str = "mac1", **fields: Any) -> InboxRow:
    """A message that has just come in."""
    row = InboxRow(
        sender=sender,
        id=id,
        from_=f"{sender}/web",
        to="mac2/api",
        seat="api",
        type="context",
        urgency="next-turn",
        thread=None,
        n=1,
        prev=None,
        reply_to=None,
        subject=None,
        body="the schema changed",
        authority="human",
        created=1_000,
        expires=FAR,
        stored_at=1_001.25,
        channel="P2",
        state="stored",
        state_at=1_001.25,
        session=None,
        offer=None,
        detail=None,
        attempt=1,
        packet=None,
    )
    return replace(row, **fields)


def frame(
    nonce: str,
    *ids: str,
    sender: str = "mac1",
    have: int = 0,
    at: float = 1_001.25,
    refused: tuple[Refusal, ...] = (),
) -> InboundFrame:
    """A frame with these messages."""
    rows = tuple(inbox_row(id, sender, stored_at=at, state_at=at) for id in ids)
    return InboundFrame(sender, nonce, FAR, rows, refused, have, at)


def peer_row(node: str = "mac2", **fields: Any) -> PeerRow:
    """A member that was just pinned."""
    row = PeerRow(node, b"e" * 32, b"x" * 32, b"{}", b"s" * 64, ("10.0.0.2:8855",), 1_000.5, "invite")
    return replace(row, **fields)
