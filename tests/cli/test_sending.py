"""`send`, `reply` and their waiting."""

import asyncio
import os
import pty
import sys
import time

import msgspec
import pytest

from multifleet.operations.views import TraceEvent, TraceView
from tests.stand_in import ID, TRACE
from tests.surfaces import ROOT, Surfaces


def at(state: str, *, ended: bool = False, detail: str | None = None) -> TraceView:
    event = TraceEvent(state, 1002.0, "mac2", "http", detail, 1)
    return msgspec.structs.replace(TRACE, state=state, events=[TRACE.events[0], event], ended=ended)


async def test_people_get_one_line(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("send", "mac2/api", "hi")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == f"{ID} queued (mac2 is asleep)\n"


async def test_on_a_terminal_people_are_told_how_to_follow_it(surfaces: Surfaces) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "multifleet", "send", "mac2/nope", "hi"),
            stdout=asyncio.subprocess.PIPE,
            stderr=theirs,
            env={"MULTIFLEET_HOME": str(surfaces.home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        )
        out, _ = await process.communicate()
        assert (process.returncode, out.decode()) == (0, f"{ID} queued (mac2 is asleep)\n")
        os.close(theirs)
        assert terminal.read(4096).decode() == f"follow it: multifleet trace {ID}\r\n"


async def test_reply_answers_a_message(surfaces: Surfaces) -> None:
    ran = await surfaces.cli("reply", ID[:8], "done", "--json")
    assert (ran.status, ran.json["id"]) == (0, ID)
    [(name, asked)] = surfaces.node.asked
    assert (name, asked["id"], asked["body"]) == ("reply", ID[:8], "done")


@pytest.mark.parametrize(
    "trace, wait, status",
    [
        (at("queued"), "queued", 0),
        (at("offered"), "stored", 0),
        (at("seen"), "seen", 0),
        (at("stored"), "seen", 3),
        (at("queued"), "stored", 3),
        (at("refused", ended=True), "seen", 1),
        (at("expired", ended=True), "stored", 1),
        (at("undeliverable", ended=True), "undeliverable", 0),
    ],
)
async def test_the_exit_status_tells_how_far_it_came(
    surfaces: Surfaces, trace: TraceView, wait: str, status: int
) -> None:
    surfaces.node.messages.trace_view = trace
    ran = await surfaces.cli("send", "mac2/api", "hi", "--wait", wait, "--timeout", "0", "--json")
    assert ran.status == status
    assert (ran.json["id"], ran.json["state"]) == (ID, trace.state)
    assert ran.err.count("\n") == (1 if status == 1 else 0)


async def test_a_message_that_ended_says_why(surfaces: Surfaces) -> None:
    surfaces.node.messages.trace_view = at("refused", ended=True, detail="seat api takes\nno tasks")
    ran = await surfaces.cli("send", "mac2/api", "hi", "--wait", "seen")
    assert ran.status == 1
    assert ran.err == f"multifleet send: {ID} is refused: seat api takes\\nno tasks; it will not be seen\n"
    assert ran.out.count("takes\\nno tasks") == 1


async def test_a_reason_that_a_step_has_told_is_not_said_again_below_it(surfaces: Surfaces) -> None:
    told = at("refused", ended=True, detail="no such seat")
    surfaces.node.messages.trace_view = msgspec.structs.replace(told, reason="no such seat")
    ran = await surfaces.cli("trace", ID)
    assert ran.out.endswith("\nrefused\n") and ran.out.count("no such seat") == 1
    surfaces.node.messages.trace_view = msgspec.structs.replace(told, reason="another one")
    assert (await surfaces.cli("trace", ID)).out.endswith("\nrefused: another one\n")


async def test_the_daemon_is_asked_to_wait_rather_than_asked_again(surfaces: Surfaces) -> None:
    begun = time.monotonic()
    ran = await surfaces.cli("send", "mac2/api", "hi", "--wait", "seen", "--timeout", "20")
    took = time.monotonic() - begun
    assert ran.status == 0
    _, (name, (id, state, timeout, known)) = surfaces.node.asked
    assert (name, id, state, known) == ("wait", ID, "seen", None)
    assert 20 - took <= timeout <= 20
