"""Measures everything and prints the table of where we stand.

python -m benchmarks.run [--rounds 5] [--seconds 1.5] [--only delivery,slow,cli,mcp,hooks,daemon,channels] [--write]
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks import channels, cli, crowd, daemon, delivery, hooks, mcp, slow_disk
from benchmarks.delivery import SLOW_FLUSH_US, Measured, Plan
from benchmarks.processes import per_round_ratio
from benchmarks.table import Row, as_markdown

README = Path(__file__).parent / "README.md"
TABLE = re.compile(r"(?<=<!-- {name} -->\n).*?(?=<!-- end of {name} -->)".replace("{name}", "table"), re.DOTALL)
PIPELINES = re.compile(TABLE.pattern.replace("table", "pipelines"), re.DOTALL)


def delivery_rows(fast: Measured) -> list[Row]:
    """The goals on the disk as it is."""
    rows = []
    for other, at_most, floor in (("Y", 1.3, 2.0), ("Y together", 1.3, None)):
        name = f"delivered p50, one caller, against {other}"
        rows.append(_against(fast, name, other, 1, "p50", at_most=at_most, floor=floor))
    for other, at_least, least in (("Y", 0.8, 0.5), ("Y together", 0.8, None)):
        name = f"delivered/s at 128 callers, against {other}"
        rows.append(_against(fast, name, other, 128, "rate", at_least=at_least, floor=least))
    for callers, most in ((1, 2.2), (128, 0.1)):
        flushes = fast.flushes["product", callers]
        name = f"flushes per delivered message, {callers} caller{'s' * (callers > 1)}"
        rows.append(Row(name, f"{flushes:.2f}", flushes, at_most=most))
    p50, p99 = (fast.median("product", 16, figure) for figure in ("p50", "p99"))
    rows.append(Row("p99/p50 at 16 callers", f"{p99:.2f} ms, {p50:.2f} ms", p99 / p50, at_most=3.0))
    posted = per_round_ratio(*([one["rate"] for one in fast.posted[name]] for name in ("product", "Y")))
    measured = ", ".join(f"{_posted_rate(fast, name):,.0f}/s" for name in ("product", "Y"))
    rows.append(Row("delivered/s, 128 callers over HTTP, against Y", measured, posted, at_least=0.8))
    return [*rows, _backlog(fast, "backlog of 10,000 after an outage, against one by one")]


def slow_rows(slow: Measured) -> list[Row]:
    """The goals with a flush of 2 ms."""
    name = "delivered/s at 128 callers, 2 ms flush, against N"
    return [
        _against(slow, name, "N", 128, "rate", at_least=30.0, floor=15.0),
        _backlog(slow, "backlog of 10,000, 2 ms flush, against one by one"),
    ]


def _against(
    measured: Measured,
    name: str,
    other: str,
    callers: int,
    figure: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    floor: float | None = None,
) -> Row:
    ours, theirs = (measured.median(one, callers, figure) for one in ("product", other))
    shown = f"{ours:.2f} ms, {theirs:.2f} ms" if figure == "p50" else f"{ours:,.0f}/s, {theirs:,.0f}/s"
    ratio = measured.ratio("product", other, callers, figure)
    return Row(name, shown, ratio, at_most=at_most, at_least=at_least, floor=floor)


def _posted_rate(measured: Measured, name: str) -> float:
    return median(one["rate"] for one in measured.posted[name])


def _backlog(measured: Measured, name: str) -> Row:
    ours, theirs = measured.backlog["product"], measured.backlog["N"]
    return Row(name, f"{ours:,.0f}/s, {theirs:,.0f}/s", ours / theirs, at_least=20.0)


def pipelines_as_markdown(fast: Measured | None, slow: Measured | None) -> str:
    """All pipelines beside each other."""
    lines = ["| | 1 caller p50 | 16 callers | 128 callers | 128 over HTTP | backlog | 128, 2 ms flush |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for name in delivery.PIPELINES:
        cells = [name, "", "", "", "", "", ""]
        if fast:
            cells[1] = f"{fast.median(name, 1, 'p50'):.2f} ms"
            cells[2:4] = (f"{fast.median(name, callers, 'rate'):,.0f}/s" for callers in (16, 128))
            cells[4:6] = (f"{rate:,.0f}/s" for rate in (_posted_rate(fast, name), fast.backlog[name]))
        if slow:
            cells[6] = f"{slow.median(name, 128, 'rate'):,.0f}/s"
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of load in each round")
    parser.add_argument("--only", default="delivery,slow,cli,mcp,hooks,daemon,channels")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    chosen = parser.parse_args()
    wanted = chosen.only.split(",")
    measured: dict[str, Measured] = {}

    def deliver(folder: Path, flush_us: int) -> Measured:
        callers = (128,) if flush_us else delivery.CALLERS
        posted = 0 if flush_us else 128
        plan = Plan(rounds=chosen.rounds, seconds=chosen.seconds, callers=callers, posted=posted)
        found = measured[folder.name] = delivery.measure(folder, plan, flush_us)
        return found

    def ways(folder: Path) -> list[Row]:
        cascade = folder / "cascade"
        cascade.mkdir()
        found = delivery.measure(cascade, channels.cascade_plan(chosen.rounds, chosen.seconds), 0)
        return [*channels.cascade_rows(found), *channels.measure(folder, chosen.rounds)]

    parts: dict[str, Callable[[Path], list[Row]]] = {
        "delivery": lambda folder: delivery_rows(deliver(folder, 0)),
        "slow": lambda folder: slow_rows(deliver(folder, SLOW_FLUSH_US)),
        "cli": lambda folder: [*cli.measure(folder, 4 * chosen.rounds), *crowd.measure(folder, 4 * chosen.rounds)],
        "mcp": lambda folder: mcp.measure(folder, 4 * chosen.rounds),
        "hooks": lambda folder: hooks.measure(folder, 4 * chosen.rounds),
        "daemon": lambda folder: daemon.measure(folder, chosen.rounds, idle_seconds=10.0),
        "channels": ways,
    }
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="multifleet-bench-") as place:
        print(f"one flush of this disk: {slow_disk.flush_time(Path(place)):.2f} ms", file=sys.stderr)
        for name in wanted:
            folder = Path(place) / name
            folder.mkdir()
            rows += parts[name](folder)
    table = as_markdown(rows)
    pipelines = pipelines_as_markdown(measured.get("delivery"), measured.get("slow")) if measured else ""
    print(pipelines, table, sep="\n")
    if chosen.write:
        text = TABLE.sub(lambda _: table, README.read_text())
        README.write_text(PIPELINES.sub(lambda _: pipelines, text))


if __name__ == "__main__":
    main()
