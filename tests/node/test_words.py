"""Whatever this node says to a peer, the peer can read: one long list must not stop all other messages."""

from pathlib import Path

from multifleet.core import packets
from multifleet.core.receipts import State
from multifleet.store.rows import LogRow
from tests.node.fleet import Machines


async def test_a_wrong_seat_at_a_node_with_very_many_seats_stops_no_other_message(
    fleet: Machines, tmp_path: Path
) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    for number in range(60):
        folder = tmp_path / f"{'a-long-name-' * 4}{number}"
        folder.mkdir()
        await mac2.node.seats.bind(folder.name, str(folder), False)
    wrong = await mac1.node.messages.send("mac2/nosuch", "lost")
    right = await mac1.node.messages.send("mac2", "found")
    assert "and 52 more" in ((await mac1.wait(wrong.id, State.REFUSED)).reason or "")
    await mac1.wait(right.id, State.STORED)


async def test_a_statement_with_more_to_say_than_fits_is_cut_and_can_be_read(fleet: Machines) -> None:
    mac1, _ = await fleet.started("mac1", "mac2")
    member = mac1.node.members.need("mac2")
    row = LogRow(1, "00000000-0000-7000-8000-000000000000", "stored", 1.0, "http", 1, "x" * 10_000)
    (statement,) = mac1.node.exchange.statements(member.outgoing, member, [row])
    request = packets.write(packets.Request(time=1, have=0, log=[statement]))
    assert packets.read(request, packets.Request).log[0].detail == "x" * packets.DETAIL_LIMIT

