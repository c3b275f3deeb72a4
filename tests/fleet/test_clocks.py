"""F16: clocks that are wrong, and clocks that jump."""

import time

import pytest

from tests.lab.fleet import Fleet
from tests.lab.tools import wait_for
from tests.starved import Starving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def test_f16_a_clock_ten_minutes_ahead_delivers_both_ways_and_doctor_names_the_skew(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    mac2.cli("down")
    with mac2.host.set_clock(600):
        mac2.up()
        there = mac1.send("mac2", "to the one that is ahead")
        back = mac2.send("mac1", "from the one that is ahead")
        mac1.wait_state(there, "stored", 60)
        mac2.wait_state(back, "stored", 60)
        checks = {check["id"]: check for check in mac1.get("/doctor")["checks"]}
        assert not checks["clock"]["ok"]
        assert "mac2" in checks["clock"]["says"] and "ahead" in checks["clock"]["says"]
        assert checks["clock"]["remedy"]
        mac2.cli("down")
    mac2.host.fake_clock = False
    mac2.up()


def test_f16_a_clock_that_steps_an_hour_back_while_running_goes_on_delivering(fleet: Fleet) -> None:
    mac1, mac2 = fleet.nodes
    mac2.cli("down")
    mac2.host.set_clock(0)
    mac2.up()
    before = mac1.send("mac2", "before the step")
    mac1.wait_state(before, "stored")
    with mac2.host.set_clock(-3600):
        starving, start = Starving(mac1.daemon.pid, mac2.daemon.pid), time.monotonic()
        there = mac1.send("mac2", "after the step")
        back = mac2.send("mac1", "after the step")
        mac1.wait_state(there, "stored", 60)
        mac2.wait_state(back, "stored", 60)
        assert time.monotonic() - start - starving.seconds < 10, "timers follow the monotonic clock"
        failed = mac2.counted("delivery_failed")
        with mac1.host.block_port(8855, how="reset"), fleet.without_nats():
            waiting = mac2.send("mac1", "retried while the clock is behind")
            wait_for(lambda: mac2.counted("delivery_failed") >= failed + 3, 60, what="several attempts")
        mac2.wait_state(waiting, "stored", 60)
        mac2.cli("down")
    mac2.host.fake_clock = False
    mac2.up()
