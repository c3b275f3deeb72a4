"""The benchmarks run; how fast is their own business."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import channels, cli, crowd, daemon, delivery, hooks, mcp, run
from benchmarks.delivery import Plan
from benchmarks.processes import per_round_ratio
from benchmarks.sealing import seal, unseal
from benchmarks.table import Row, as_markdown

TINY = Plan(rounds=1, seconds=0.2, callers=(1, 16, 128), backlog=200, naive_backlog=20, posted=8)


def test_all_pipelines_deliver_side_by_side_and_lose_nothing_in_an_outage(tmp_path: Path) -> None:
    measured = delivery.measure(tmp_path, TINY, flush_us=0)
    assert set(measured.backlog) == set(delivery.PIPELINES)
    for name in delivery.PIPELINES:
        assert all(measured.median(name, callers, "count") > 0 for callers in TINY.callers)
    rows = run.delivery_rows(measured)
    assert {row.verdict for row in rows} <= {"goal", "floor", "miss", "MISS"}
    assert "| product |" in run.pipelines_as_markdown(measured, None)


def test_a_slow_disk_shows_in_the_rate_of_the_naive_pipeline(tmp_path: Path) -> None:
    plan = Plan(rounds=1, seconds=0.3, callers=(16,), backlog=0, names=("N",), posted=0)
    measured = delivery.measure(tmp_path, plan, flush_us=10_000)
    assert measured.median("N", 16, "rate") < 1 / (2 * 0.010)


def test_the_command_line_is_measured(tmp_path: Path) -> None:
    (row,) = cli.measure(tmp_path, rounds=1)
    assert row.figure > 0


def test_the_picture_of_a_large_fleet_is_measured(tmp_path: Path) -> None:
    rows = crowd.measure(tmp_path, rounds=1, members=20)
    assert [row.figure > 0 for row in rows] == [True, True]


def test_the_hooks_are_measured_and_end_with_0_whatever_the_daemon_does(tmp_path: Path) -> None:
    rows = hooks.measure(tmp_path, rounds=1)
    assert len(rows) == 6
    assert all("exits 0" in row.measured for row in rows[2:])


def test_the_mcp_server_is_measured_and_its_list_is_small(tmp_path: Path) -> None:
    start, size = mcp.measure(tmp_path, rounds=1)
    assert start.figure > 0 and size.verdict == "goal"


def test_the_idle_daemon_is_measured(tmp_path: Path) -> None:
    rows = daemon.measure(tmp_path, rounds=1, idle_seconds=0.2)
    assert [row.figure > 0 for row in rows[:2]] == [True, True]


def test_the_channels_are_measured_beside_each_other(tmp_path: Path) -> None:
    plan = replace(channels.cascade_plan(1, 0.2), settle=0.0, callers=(1, 128))
    (tmp_path / "cascade").mkdir()
    rows = channels.cascade_rows(delivery.measure(tmp_path / "cascade", plan, flush_us=0))
    rows += channels.measure(tmp_path, rounds=1, peers=3)
    assert len(rows) == 7 and all(row.figure > 0 for row in rows)


def test_a_frame_of_the_throwaway_pipelines_opens_and_a_changed_one_does_not() -> None:
    nonce, frame = seal("mac1", "mac2", 1_700_000_000, b"packet")
    assert unseal(frame) == (nonce, b"packet")
    with pytest.raises(ValueError, match="MAC"):
        unseal(frame[:-1] + bytes([frame[-1] ^ 1]))


def test_ratios_are_taken_round_by_round() -> None:
    assert per_round_ratio([1.0, 20.0, 3.0], [1.0, 10.0, 1.0]) == 2.0


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [(1.3, "goal"), (1.31, "floor"), (2.0, "floor"), (2.01, "MISS")],
)
def test_between_goal_and_floor_the_floor_is_named(figure: float, verdict: str) -> None:
    assert Row("p50", "", figure, at_most=1.3, floor=2.0).verdict == verdict


@pytest.mark.parametrize(("figure", "verdict"), [(0.8, "goal"), (0.5, "floor"), (0.49, "MISS")])
def test_a_rate_has_its_goal_above_its_floor(figure: float, verdict: str) -> None:
    assert Row("rate", "", figure, at_least=0.8, floor=0.5).verdict == verdict


def test_a_goal_without_a_floor_is_reached_or_missed() -> None:
    assert Row("p99/p50", "", 3.1, at_most=3.0).verdict == "miss"
    assert "| p99/p50 |  | 3.1 | ≤ 3 |  | miss |" in as_markdown([Row("p99/p50", "", 3.1, at_most=3.0)])
