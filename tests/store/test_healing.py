"""The repair ladder survives a start on the right rung."""

from dataclasses import replace
from pathlib import Path

from multifleet.core.ladder import Case, Escalation, Level
from multifleet.store.store import Store

CASE = Case("mac2", "http", "no answer in 5 s", 1_000.0)


async def test_the_last_rung_of_each_case_is_kept_until_it_is_closed(store: Store) -> None:
    told = replace(CASE, level=Level.GUIDE, at=1_001.0, outcome="told", taken_up=True)
    other = replace(CASE, channel="nats")
    store.healing.keep_later([CASE, other])
    store.healing.keep_later([told])
    assert await store.healing.load() == ([told, other], [])
    store.healing.close_later([told])
    assert await store.healing.load() == ([other], [])


async def test_an_escalation_is_on_disk_when_it_was_counted_and_is_forgotten_after_a_day(tmp_path: Path) -> None:
    store = Store.open(tmp_path, 1_000.0)
    early, late = Escalation("mac2", Level.GUIDE, 1_000.0), Escalation("mac2", Level.ASSIST, 80_000.0)
    await store.healing.escalate(early)
    await store.healing.escalate(late)
    await store.aclose()
    store = Store.open(tmp_path, 1_000.0)
    assert await store.healing.load() == ([], [early, late])
    await store.prune(1_001.0 + 86_400.0)
    assert await store.healing.load() == ([], [late])
    await store.aclose()


async def test_an_escalation_that_reached_nobody_is_taken_back_and_no_other(store: Store) -> None:
    one, other = Escalation("mac2", Level.GUIDE, 1_000.25), Escalation("mac2", Level.ASSIST, 1_000.25)
    await store.healing.escalate(one)
    await store.healing.escalate(other)
    store.healing.take_back_later(one)
    assert await store.healing.load() == ([], [other])
