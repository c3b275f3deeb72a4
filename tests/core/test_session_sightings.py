"""Three ways of looking for sessions: what each finds, and what is said where they do not agree."""

from dataclasses import replace

import pytest

from multifleet.core.session_sightings import (
    JUST_NOW,
    NO_PROCESS,
    NO_RECORD,
    PROCESSES,
    REGISTRY,
    SILENT,
    TRANSCRIPTS,
    Process,
    Registered,
    Sighting,
    Written,
    sightings,
)

NOW = 10_000.0
ONE = Registered("one", 7, "idle", started_at=9_000.0, changed_at=9_500.0)
RUNS = Process(7, 9_000.0, "-api", has_record=True)
WROTE = {"one": Written("-api", 9_501.0)}


def test_where_all_three_agree_nothing_is_doubted() -> None:
    assert sightings([ONE], [RUNS], WROTE, NOW) == [Sighting("one", 7, (REGISTRY, PROCESSES, TRANSCRIPTS))]


def test_a_session_that_was_not_written_to_yet_is_not_doubted() -> None:
    before = {"one": Written("-api", 8_000.0)}
    for written in ({}, before):
        assert sightings([ONE], [RUNS], written, NOW) == [Sighting("one", 7, (REGISTRY, PROCESSES))]


def test_where_the_system_lists_no_processes_nothing_follows_from_that() -> None:
    assert sightings([ONE], None, WROTE, NOW) == [Sighting("one", 7, (REGISTRY, TRANSCRIPTS))]


@pytest.mark.parametrize(
    ("registered", "written_at", "doubted"),
    [
        (ONE, NOW - 5, True),
        (ONE, NOW - JUST_NOW - 1, False),
        (replace(ONE, changed_at=NOW - 6), NOW - 5, False),
        (replace(ONE, status="busy"), NOW - 5, False),
        (replace(ONE, status="busy"), NOW - 600, False),
        (replace(ONE, status="busy", started_at=0.0), NOW - SILENT - 1, True),
        (replace(ONE, status="waiting"), NOW - 5, False),
    ],
)
def test_a_status_that_its_transcript_contradicts_is_doubted(
    registered: Registered, written_at: float, doubted: bool
) -> None:
    [found] = sightings([registered], [RUNS], {"one": Written("-api", written_at)}, NOW)
    assert (found.doubt is not None) is doubted
    assert found.doubt is None or registered.status in found.doubt


def test_a_record_whose_process_is_another_program_is_doubted() -> None:
    [found] = sightings([ONE], [], WROTE, NOW)
    assert found == Sighting("one", 7, (REGISTRY, TRANSCRIPTS), NO_PROCESS)


def test_a_process_without_a_record_is_shown_with_the_transcript_that_it_writes() -> None:
    process = Process(8, 9_700.0, "-web")
    written = {"old": Written("-web", 9_000.0), "two": Written("-web", 9_800.0), "three": Written("-web", 9_750.0)}
    assert sightings([], [process], written, NOW) == [Sighting("two", 8, (PROCESSES, TRANSCRIPTS), NO_RECORD)]
    assert sightings([], [replace(process, has_record=True)], written, NOW) == []
    assert sightings([], [replace(process, folder=None)], written, NOW) == []


def test_a_transcript_alone_counts_while_it_is_written() -> None:
    written = {"one": Written("-api", NOW - 5), "old": Written("-api", NOW - JUST_NOW - 1)}
    [found] = sightings([], [], written, NOW)
    assert (found.id, found.pid, found.seen_by) == ("one", None, (TRANSCRIPTS,))
    assert found.doubt is not None and "5 s ago" in found.doubt


def test_no_session_is_shown_twice() -> None:
    written = {"one": Written("-api", NOW), "two": Written("-api", NOW)}
    found = sightings([ONE], [RUNS, Process(8, 9_000.0, "-api"), Process(9, 9_001.0, "-api")], written, NOW)
    assert [(sighting.id, sighting.pid) for sighting in found] == [("one", 7), ("two", 9)]
