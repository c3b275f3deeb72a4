"""Who is there: how soon a death is known to all, beside Debian's serf, and what a daemon costs among many members.

    python -m benchmarks.members [--rounds 3] [--daemons 30] [--members 100] [--seconds 30]

It needs root and the tools of tests/lab, because the daemons run on a host of the lab, and `apt-get install serf`. Both
fleets are up in the same run, and in each round one of each is killed, in turned order: serf's agents say in their logs
when they take another for failed, ours are asked for their picture of the fleet.
"""

import argparse
import time
from statistics import median

from benchmarks.table import Row, as_markdown
from tests.lab.company import company_costs
from tests.lab.crowd import Crowd
from tests.lab.members import wait_state
from tests.lab.serf import SerfCrowd

PATIENCE = 60.0
"""Seconds after which a death counts as never known."""
SETTLED = 20.0
"""Seconds that both fleets are left alone before anybody is killed."""
MIB = 1 << 20


def deaths(rounds: int, daemons: int) -> tuple[list[float], list[float]]:
    """Seconds until a death was known to all, in each round: ours, serf's."""
    ours, theirs = [], []
    with Crowd(daemons) as crowd, SerfCrowd(daemons) as serf:
        time.sleep(SETTLED)
        for number in range(rounds):

            def kill_ours() -> None:
                victim = crowd.nodes.pop(len(crowd.nodes) // 2)
                victim.kill()
                ours.append(wait_state(crowd.nodes, victim.name, "dead", PATIENCE))

            def kill_theirs() -> None:
                theirs.append(serf.kill(list(serf.agents)[len(serf.agents) // 2]))

            both = [kill_ours, kill_theirs]
            for kill in both if number % 2 else reversed(both):
                kill()
    return ours, theirs


def measure(rounds: int, daemons: int, members: int, seconds: float) -> list[Row]:
    """The rows for the table of where we stand."""
    ours, theirs = deaths(rounds, daemons)
    seen = f"{median(ours):.1f} s (at most {max(ours):.1f}), {median(theirs):.1f} s (at most {max(theirs):.1f})"
    cost = company_costs(members, seconds)
    per_minute = f"{cost.sent / 1_000:.1f} KB sent, {cost.received / 1_000:.1f} KB received"
    among = f"among {members} members"
    return [
        Row(f"death known to all, {daemons} daemons on one machine, s", seen, max(ours), at_most=6.0),
        Row("the same against serf beside it", seen, median(ours) / median(theirs), at_most=1.0),
        Row(f"daemon {among}, idle CPU, %", f"{cost.processor:.2f} %", cost.processor, at_most=0.4),
        Row(f"daemon {among}, memory, MiB", f"{cost.memory / MIB:.0f} MiB", cost.memory / MIB, at_most=60.0),
        Row(f"daemon {among}, presence, KB a minute", per_minute, cost.sent / 1_000, at_most=38.0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--daemons", type=int, default=30)
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    chosen = parser.parse_args()
    print(as_markdown(measure(chosen.rounds, chosen.daemons, chosen.members, chosen.seconds)))


if __name__ == "__main__":
    main()
