"""F19 on three hosts: the chief is gone while it holds mail."""

from collections.abc import Iterator

import pytest

from tests.fleet.without_nats import three_without_nats
from tests.lab.fleet import Fleet
from tests.lab.tools import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def three() -> Iterator[Fleet]:
    with three_without_nats() as fleet:
        yield fleet


def test_f19_mail_at_the_chief_survives_its_kill_and_its_power_cut_and_arrives_once(three: Fleet) -> None:
    mac1, mac2, mac3 = three.nodes
    mac3.kill()
    messages = []
    for end in (mac1.kill, mac1.power_cut):
        for number in range(5):
            messages.append(mac2.send("mac3", f"kept {number}"))
            mac2.wait_state(messages[-1], "sent", 50)
        end()
        mac1.up()
    kept = mac1.rows("SELECT count(*) FROM relayed")
    assert kept[0][0] >= 10
    mac2.kill()  # from now on only the chief can bring them
    mac3.up()
    marks = ", ".join("?" * len(messages))
    came = f"SELECT count(*) FROM inbox WHERE id IN ({marks})"
    wait_for(lambda: mac3.rows(came, *messages) == [(10,)], 50, 0.1, "all there")
    wait_for(lambda: mac1.rows("SELECT count(*) FROM relayed") == [(0,)], 50, 0.1, "the chief has forgotten them")
    mac2.up()
    three.wait_drained()
    three.check()
