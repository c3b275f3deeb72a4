"""What one command costs: `multifleet send` from start to exit, against a Python that does nothing."""

from contextlib import ExitStack
from pathlib import Path

from benchmarks.load import BODY
from benchmarks.nodes import Daemon, environment, join, launcher, make_node
from benchmarks.processes import Program, alternate, per_round_ratio
from benchmarks.table import Row, median_ms


def measure(folder: Path, rounds: int) -> list[Row]:
    """Two real daemons that are joined, one of which is asked."""
    homes = [folder / "mac1", folder / "mac2"]
    with ExitStack() as stack:
        for home in homes:
            make_node(home, home.name)
        recipient = stack.enter_context(Daemon(homes[1]))
        join(homes[0], homes[1], recipient.port)
        stack.enter_context(Daemon(homes[0]))
        words, python = launcher()
        send = Program("send", [*words, "send", "mac2", BODY], environment(homes[0]))
        nothing = Program("nothing", [python, "-c", "pass"])
        times = alternate([send, nothing], rounds)
    ratio = per_round_ratio(times["send"], times["nothing"])
    measured = f"{median_ms(times['send'])}, {median_ms(times['nothing'])}"
    return [Row("CLI `send` against `python3 -c pass`", measured, ratio, at_most=4.0, floor=6.0)]
