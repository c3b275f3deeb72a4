"""F14: wires that lose, delay and double what they carry. Ten minutes of it, to the last message, are in bin/chaos."""

import time
from contextlib import ExitStack

import pytest

from tests.lab.fleet import Fleet

pytestmark = pytest.mark.lab

MESSAGES = 1_000
BAD_WIRE = {"loss": 0.3, "delay": 0.2, "jitter": 0.15, "duplicate": 0.2}
BAD_FOR = 35.0
"""Seconds."""


@pytest.mark.slow
def test_f14_a_thousand_messages_over_a_bad_wire_are_a_thousand_rows(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    with ExitStack() as wires:
        for node in fleet.nodes:
            wires.enter_context(node.host.shape(**BAD_WIRE))
        began = time.monotonic()
        sent = [mac1.send("mac2", f"{number} over a bad wire") for number in range(MESSAGES)]
        time.sleep(max(0.0, BAD_FOR - (time.monotonic() - began)))  # the bad wire is the fault
        through = MESSAGES - mac1.open_rows()
        print(f"{through} of {MESSAGES} got through in {BAD_FOR:g} s")
        assert through, "a bad wire is not a cut one"
    fleet.wait_drained()
    arrived = mac2.rows("SELECT id FROM inbox WHERE body LIKE '% over a bad wire'")
    assert sorted(id for (id,) in arrived) == sorted(sent)
