"""Keys are renewed by nodes behind real doors: over HTTP and UDP nothing is refused."""

import asyncio
from functools import partial
from typing import Any

from multifleet.node.keys.keystore import load_identity
from multifleet.node.setup import open_setup
from tests.node.fleet import until
from tests.node.keys.rotating import card_of, hold_cards, tell
from tests.node.served import Daemon, Daemons


def refusals(daemon: Daemon) -> dict[str, int]:
    """What a node refused, over whatever, but for what came by two ways, of which one was slow."""
    counts = daemon.node.counters.snapshot()
    refused = {name: count for name, count in counts.items() if "refused" in name or "malformed" in name}
    return {name: count for name, count in refused.items() if not name.endswith("_refused_replay")}


async def test_both_renew_while_they_talk(daemons: Daemons) -> None:
    mac1, mac2 = await daemons.up("mac1", "mac2")
    await mac2.node.join((await mac1.node.invite([mac1.address])).code, [])
    await asyncio.gather(mac1.delivers("mac2"), mac2.delivers("mac1"))
    before = [refusals(mac1), refusals(mac2)]  # of who was not known yet
    for daemon, other in ((mac1, mac2), (mac2, mac1)):
        hold_cards(daemon)
        view = await daemon.node.rotate_keys(False)
        assert [key.waits_for for key in view.older] == [[other.name]]
        await asyncio.gather(mac1.delivers("mac2"), mac2.delivers("mac1"))
        await tell(card_of(daemon), other)
        await asyncio.gather(mac1.delivers("mac2"), mac2.delivers("mac1"))
        await until(partial(switched, daemon))
    for daemon in (mac1, mac2):
        assert len(load_identity(daemon.home, {}).exchange_keys) == 2
        assert open_setup(daemon.home).identity == daemon.node.members.identity
    assert [refusals(mac1), refusals(mac2)] == before
    (check,) = (await mac1.node.doctor(["keys"])).checks
    assert check.ok and "1 older wait for removal" in check.says


def switched(daemon: Daemon) -> bool:
    """Whether every peer is written to under the newest key."""
    peers: list[Any] = daemon.node.rotation.view().peers
    return bool(peers) and all(peer.switched for peer in peers)
