"""What a node states of its own messages is under its own MAC, and stays provable in another fleet."""

from multifleet.core.packets import Statement
from multifleet.core.receipts import State, is_stated_by
from multifleet.node.clock import Clocks, NodeClock
from multifleet.node.delivery.own_events import OwnEvents
from multifleet.node.members import Members
from multifleet.store.rows import ReceiptRow
from tests.core.wire import FLEET, MAC1

ID = "00000000-0000-7000-8000-000000000001"


def stated(row: ReceiptRow) -> Statement:
    """The statement that a row keeps."""
    return Statement(
        seq=0,
        id=row.message_id,
        state=row.state,
        at=round(row.at * 1000),
        channel=row.channel or "",
        attempt=row.attempt,
        detail=row.detail or "",
        mac=row.mac,
    )


def test_an_event_is_provable_as_it_lies_in_the_store_before_and_after_joining() -> None:
    members = Members(MAC1, FLEET)
    events = OwnEvents(members, NodeClock.start(Clocks(), 0.0))
    for row in (events.event(ID, "mac2", State.QUEUED), events.event(ID, "mac2", State.EXPIRED, detail="too late")):
        assert is_stated_by(members.own_receipts, "mac1", "mac2", stated(row))
        members.move_to("e" * 32)
        assert is_stated_by(members.own_receipts, "mac1", "mac2", stated(row))
        assert (row.by, row.seq) == ("mac1", None)
