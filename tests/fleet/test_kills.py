"""F1, F2, F3: daemons killed at the worst moments."""

import random
import time

import pytest

from tests.lab.fleet import Fleet
from tests.lab.tools import wait_for

pytestmark = pytest.mark.lab


def rows_of(fleet: Fleet, message: str) -> int:
    return int(fleet["mac2"].rows("SELECT count(*) FROM inbox WHERE id = ?", message)[0][0])


def test_f1_a_receiver_killed_between_commit_and_ack_has_the_message_once(fleet: Fleet) -> None:
    mac1, mac2 = fleet["mac1"], fleet["mac2"]
    with fleet.without_nats(), mac1.host.lose_answers(mac2.host):
        message = mac1.send("mac2", "committed, and the answer is lost")
        wait_for(lambda: rows_of(fleet, message) == 1, 10, what="the row at the receiver")
        mac2.kill()  # and its kernel goes on sending the answer: what is lost no more arrives
        assert "stored" not in mac1.states(message), "nobody could know yet"
    mac2.up()
    mac1.wait_state(message, "stored", 15)
    assert rows_of(fleet, message) == 1


def test_f2_a_receiver_killed_before_commit_has_no_row_and_then_exactly_one(fleet: Fleet) -> None:
    mac1, mac2 = fleet["mac1"], fleet["mac2"]
    failed = mac1.counted("delivery_failed")
    with mac2.daemon.paused():
        message = mac1.send("mac2", "never read")
        wait_for(lambda: mac2.host.run("ss -tnH '( sport = :8855 )'").stdout.strip(), 5, what="the attempt")
        mac2.kill()
    assert rows_of(fleet, message) == 0
    wait_for(lambda: mac1.counted("delivery_failed") > failed, 10, what="the attempt counted as failed")
    mac2.up()
    mac1.wait_state(message, "stored", 15)
    assert rows_of(fleet, message) == 1


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_f3_a_sender_killed_right_after_its_202_a_hundred_times_loses_nothing(fleet: Fleet) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    chance = random.Random(seed)
    mac1 = fleet["mac1"]
    sent = []
    for number in range(100):
        sent.append(mac1.send("mac2", f"message {number}"))
        time.sleep(chance.uniform(0, 0.05))  # when it dies is the fault
        mac1.kill()
        mac1.up()
    fleet.wait_drained()
    arrived = fleet["mac2"].rows("SELECT id FROM inbox WHERE body LIKE 'message %'")
    assert sorted(id for (id,) in arrived) == sorted(sent)
