"""When rosters are compared."""

from multifleet.core.channel_state import ChannelEvent
from tests.node.fleet import Machines


async def test_that_comparing_failed_says_nothing_once_a_way_there_goes_through_again(fleet: Machines) -> None:
    mac1, mac2 = fleet.add("mac1", "mac2")
    await mac1.open()
    await mac2.open()
    rounds = mac1.node.roster_rounds
    fleet.network.severed.add("mac2")
    for _ in range(8):
        await rounds._compare("mac2")
    not_before, _ = rounds._again["mac2"]
    assert not_before > mac1.node.clock.monotonic() + 30.0
    mac1.node.relay_rounds._not_before["mac2"] = not_before  # nor that it did not take its mail
    fleet.network.severed.clear()
    mac1.node.health_of_channels.happened("mac2", "memory", ChannelEvent.FAILED, error="cut")
    mac1.node.health_of_channels.happened("mac2", "memory", ChannelEvent.ROUND_TRIP)
    assert not rounds._again and not mac1.node.relay_rounds._not_before
