"""F5, F6: power cuts, after which only what was synced is left."""

import random
import threading
import time
from http.client import HTTPException

import pytest

from tests.lab.fleet import Fleet
from tests.lab.fleet_node import FleetNode
from tests.lab.forging import post_frame
from tests.lab.recorded_frames import recorded_frames
from tests.lab.tools import wait_for

pytestmark = pytest.mark.lab


class Load:
    """Callers that have messages accepted until their node is gone."""

    def __init__(self, node: FleetNode, to: str, callers: int = 8) -> None:
        self.node, self.to = node, to
        self.ids: list[str] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(callers)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while True:
            try:
                self.ids.append(self.node.send(self.to, "under load"))
            except (OSError, HTTPException, ValueError, AssertionError):
                return  # not accepted: nothing is owed

    def join(self) -> None:
        """Wait until all callers have met the end of the node."""
        for thread in self._threads:
            thread.join(30)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_f5_ten_power_cuts_of_the_sender_under_load_lose_nothing_accepted(fleet: Fleet) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    chance = random.Random(seed)
    mac1, mac2 = fleet.nodes
    accepted: set[str] = set()
    for _ in range(10):
        load = Load(mac1, "mac2")
        target = 100 + chance.randrange(100)
        wait_for(lambda load=load, target=target: len(load.ids) >= target, 30, 0.002, "enough accepted")
        mac1.power_cut()
        load.join()
        accepted |= set(load.ids)
        mac1.up()
        assert mac1.rows("PRAGMA integrity_check") == [("ok",)]
    assert len(accepted) >= 1_000
    fleet.wait_drained(30)
    arrived = {id for (id,) in mac2.rows("SELECT id FROM inbox WHERE body = 'under load'")}
    assert not accepted - arrived, f"{len(accepted - arrived)} of {len(accepted)} lost"


def test_f6_a_power_cut_of_the_receiver_after_its_ack_loses_nothing_and_a_replay_is_refused(
    fleet: Fleet,
) -> None:
    mac1, mac2 = fleet.nodes
    with fleet.without_nats(), fleet.lab.capture("tcp port 8855") as wire:
        messages = [mac1.send("mac2", f"kept {number}") for number in range(20)]
        for message in messages:
            mac1.wait_state(message, "stored")
        mac2.power_cut()
    frames = [f for f in recorded_frames(wire.path, mac2.host) if f.startswith(b"mf1 mac1 mac2 ")]
    mac2.up()
    assert mac2.rows("PRAGMA integrity_check") == [("ok",)]
    arrived = {id for (id,) in mac2.rows("SELECT id FROM inbox WHERE body LIKE 'kept %'")}
    assert arrived == set(messages)
    assert frames
    statuses = {post_frame(mac1, mac2, frame)[0] for frame in frames}
    assert statuses <= {409, 200} and 409 in statuses, "a frame without a packet has no effect and may be read again"
    again = mac2.rows("SELECT count(*) FROM inbox WHERE body LIKE 'kept %'")
    assert again == [(20,)]
    assert mac2.counted("frame_refused_replay") >= 1
