"""Thirty daemons on one machine: the death of one is known to all others."""

import time

import pytest

from tests.lab.crowd import Crowd
from tests.lab.members import members_of, states_at, wait_state

pytestmark = [pytest.mark.lab, pytest.mark.alone]

DAEMONS = 30
ALL_KNOW = 6.0
"""Seconds."""
PRACTISED = 20.0
"""Seconds after thirty starts at once on a small machine, until the false alarms of that storm are over."""


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_death_among_thirty_is_known_to_all_and_the_first_and_the_last_take_nobody_else_for_dead() -> None:
    with Crowd(DAEMONS) as crowd:
        victim = crowd.nodes[12]
        rest = crowd.others(victim)
        time.sleep(PRACTISED)
        victim.kill()
        took = wait_state(rest, victim.name, "dead", ALL_KNOW)
        print(f"known to all after {took:.1f} s: {members_of(rest[-1])[victim.name]['how']}")
        for node in (rest[0], rest[-1]):
            assert [name for name, state in states_at(node).items() if state == "dead"] == [victim.name]
