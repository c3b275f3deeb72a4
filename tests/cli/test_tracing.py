"""`trace` for people, for programs, and with its signatures checked."""

import msgspec
import pytest

from multifleet.cli.table import clock
from multifleet.operations.views import TraceEvent
from tests.stand_in import ID, TRACE
from tests.surfaces import Surfaces


async def test_a_trace_has_the_fields_that_scripts_rely_on(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("trace", ID[:8], "--json")
    assert ran.status == 0
    assert {"id", "from", "to", "type", "state", "events"} <= ran.json.keys()
    assert all({"state", "at", "by", "channel", "detail"} <= event.keys() for event in ran.json["events"])
    assert surfaces.node.asked == [("trace", (ID[:8], False))]


async def test_people_get_a_line_for_each_step(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("trace", ID)
    assert ran.status == 0
    title, *steps, last = ran.out.splitlines()
    assert title == f"{ID}  context  mac1 -> mac2/api"
    assert [step.split()[1] for step in steps] == ["queued", "stored", "seen"]
    assert last == "seen"


@pytest.mark.parametrize("command", ["trace", "inbox", "read", "outbox", "receipts", "channels", "status"])
async def test_what_a_peer_wrote_is_inert_on_a_terminal(surfaces: Surfaces, command: str) -> None:
    ran = await surfaces.cli(command, *([ID] if command in ("trace", "read") else []))
    assert "\x1b" not in ran.out and "\u202e" not in ran.out
    assert r"\u{1b}[31m" in ran.out


async def test_a_row_that_was_tampered_with_fails(surfaces: Surfaces) -> None:
    bad = TraceEvent("stored", 1000.25, "mac2", "http", None, 1, verified=False)
    surfaces.node.messages.trace_view = msgspec.structs.replace(TRACE, events=[TRACE.events[0], bad])
    ran = await surfaces.cli("trace", ID, "--verify")
    assert ran.status == 1
    assert "SIGNATURE BAD" in ran.out
    assert ran.err.startswith("multifleet trace: 1 of 2 events have a bad signature")


async def test_watching_prints_each_step_once_and_ends_with_the_last(surfaces: Surfaces) -> None:
    surfaces.node.messages.trace_view = msgspec.structs.replace(TRACE, ended=True)
    ran = await surfaces.cli("trace", ID, "--watch")
    assert ran.status == 0
    assert len(ran.out.splitlines()) == 1 + len(TRACE.events)


async def test_watching_that_runs_out_of_time_is_not_there_yet(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("trace", ID, "--watch", "--timeout", "0")
    assert (ran.status, len(ran.out.splitlines())) == (3, 1 + len(TRACE.events))


@pytest.mark.parametrize("state, status", [("queued", 3), ("sent", 3), ("refused", 1), ("expired", 1)])
async def test_what_is_not_acknowledged_shows_in_the_exit_status(surfaces: Surfaces, state: str, status: int) -> None:
    surfaces.node.messages.trace_view = msgspec.structs.replace(TRACE, state=state, events=TRACE.events[:1])
    ran = await surfaces.cli("ack", ID, "--json")
    assert (ran.status, ran.json["acked"]) == (status, False)
    assert ("will not be acknowledged" in ran.err) == (status == 1)


async def test_the_time_in_an_acknowledgement_is_of_what_was_signed_then_and_not_of_the_last_step(
    surfaces: Surfaces,
) -> None:
    assert TRACE.events[1].state == "stored" and TRACE.state == "seen"
    ran = await surfaces.cli("ack", ID)
    assert (ran.status, ran.out) == (
        0,
        f"{ID} seen; mac2 signed at {clock(TRACE.events[1].at)} that it has it on disk\n",
    )


async def test_a_trace_that_waits_says_that_it_is_not_there_yet(surfaces: Surfaces) -> None:
    surfaces.node.messages.trace_view = msgspec.structs.replace(TRACE, state="stored", events=TRACE.events[:2])
    ran = await surfaces.cli("trace", ID, "--wait", "seen", "--timeout", "0")
    assert ran.status == 3
