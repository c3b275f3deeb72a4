"""An idle Codex thread is woken for what lies ready, once; not for what may wait, nor where nobody would be asked."""

import asyncio
import errno
import os
import sys
from pathlib import Path

import msgspec
import pytest

from multifleet.core.panes import Pane
from multifleet.core.receipts import State
from multifleet.node.offering import ringing
from multifleet.sessions import typed_ring
from multifleet.sessions.base import Session
from tests.node.fleet import Machine, Machines
from tests.sessions import standing_still
from tests.sessions.real_claude import until
from tests.sessions.terminal import Terminal
from tests.sessions.written_thread import THREAD, Written

ASKS = {"approval_policy": "on-request", "sandbox_policy": {"type": "workspace-write"}}
ASKS_NOBODY = {"approval_policy": "never", "sandbox_policy": {"type": "danger-full-access"}}


@pytest.mark.parametrize(
    "turn, urgency, rung",
    [
        (ASKS, "next-turn", 1),
        (ASKS, "whenever", 0),
        (ASKS_NOBODY, "next-turn", 0),
        (None, "next-turn", 0),
    ],
    ids=["asks", "may wait", "asks nobody", "not known"],
)
async def test_who_is_woken(
    fleet: Machines, tmp_path: Path, turn: dict[str, object] | None, urgency: str, rung: int
) -> None:
    mac1, mac2, thread = await idle_thread(fleet, tmp_path, turn)
    for body in ("one", "two"):
        await mac1.node.messages.send("mac2/api", body, urgency=urgency)
    await until(lambda: (mac2.home / "seeds" / THREAD / "next").exists(), 30.0)
    # this process is Python, which has no `queue`: that it was asked is counted as a failure
    if rung:
        await until(lambda: counted(mac2.node.counters.snapshot()), 30.0)
    for _ in range(3):
        await look(mac2)
    assert counted(mac2.node.counters.snapshot()) == rung
    thread.lock.close()


@pytest.mark.parametrize("goes_on, rung", [(False, 1), (True, ringing.TIMES)])
async def test_what_was_queued_for_a_thread_is_not_queued_again_until_it_did_something_and_not_for_ever(
    fleet: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goes_on: bool, rung: int
) -> None:
    async def queued(*told: object) -> None:
        """A client that stands still, and says yes to each line."""

    monkeypatch.setattr(ringing, "ring", queued)
    mac1, mac2, thread = await idle_thread(fleet, tmp_path)
    await mac1.node.messages.send("mac2/api", "one")
    await until(lambda: counted(mac2.node.counters.snapshot()), 30.0)
    for _ in range(5):
        mac2.time.pass_(ringing.AGAIN + 1.0)  # and not before it was queued: each look would queue it once more
        if goes_on:
            thread.write("turn_context", **ASKS)
        await look(mac2)
    assert counted(mac2.node.counters.snapshot()) == rung
    thread.lock.close()


async def test_a_fault_in_waking_stops_nothing_else(
    fleet: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def faulty(*told: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(ringing, "ring", faulty)
    mac1, mac2, thread = await idle_thread(fleet, tmp_path)
    await mac1.node.messages.send("mac2/api", "one")
    await until(lambda: mac2.node.counters.snapshot().get("part_failed"), 30.0)
    await mac1.wait((await mac1.node.messages.send("mac2", "two")).id, State.STORED)
    thread.lock.close()


async def idle_thread(
    fleet: Machines, tmp_path: Path, turn: dict[str, object] | None = ASKS
) -> tuple[Machine, Machine, Written]:
    """Two machines, and on the second one a thread of Codex on the seat api, whose last turn was such."""
    mac1, mac2 = await fleet.started("mac1", "mac2")
    (tmp_path / "api").mkdir()
    await mac2.node.seats.bind("api", str(tmp_path / "api"), False)
    thread = Written(mac2.home / "codex", str(tmp_path / "api"))
    if turn is not None:
        thread.write("turn_context", **turn)
    await mac2.node.hook("SessionStart", THREAD, str(tmp_path / "api"), pid=os.getpid(), client="codex")
    return mac1, mac2, thread


async def look(machine: Machine) -> None:
    """Whoever is to be woken is, once this returns."""
    async with machine.node.offering._turn_lock:
        machine.node.offering._ringing.look(await machine.node.offering.live.find())
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name().startswith("wake ")))


def counted(counters: dict[str, int]) -> int:
    """How often a thread was to be woken."""
    return counters.get("ring_failed", 0) + counters.get("sessions_rung", 0)


async def test_where_nothing_could_be_typed_because_of_a_full_disk_it_is_typed_the_next_minute(
    fleet: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed: list[str] = []

    async def pane_of(session: Session) -> Pane:
        return Pane("/nowhere", "%0", "/dev/pts/0", 0)

    async def type_into(client: str, pane: Pane) -> None:
        typed.append(client)

    def is_full(session_id: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(ringing, "find_pane", pane_of)
    monkeypatch.setattr(ringing, "type_ring", type_into)
    mac1, mac2 = await fleet.started("mac1", "mac2")
    (tmp_path / "api").mkdir()
    await mac2.node.seats.bind("api", str(tmp_path / "api"), False)
    chat = tmp_path / "session-1.jsonl"
    chat.write_text('{"$set":{"messages":[]}}\n')
    with monkeypatch.context() as disk:
        disk.setattr(mac2.node.offering._seeds, "await_end", is_full)
        await mac2.node.hook("SessionStart", "g1", str(tmp_path / "api"), str(chat), pid=os.getpid(), client="gemini")
        await mac1.node.messages.send("mac2/api", "one")
        await until(lambda: mac2.node.counters.snapshot().get("typed_ring_failed"), 30.0)
        assert typed == []
    mac2.time.pass_(ringing.AGAIN + 1.0)
    await until(lambda: typed, 30.0)


@pytest.mark.parametrize("types", [True, False])
async def test_a_session_that_stands_still_is_typed_one_line_and_none_where_that_is_turned_off(
    fleet: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, types: bool
) -> None:
    monkeypatch.setattr(typed_ring, "DRAWN", 0.0)
    monkeypatch.setattr(typed_ring, "TIMEOUT", 60.0)
    monkeypatch.setattr(typed_ring, "TAKEN", 0.5)
    mac1, mac2 = await fleet.started("mac1", "mac2")
    mac2.config = msgspec.structs.replace(mac2.config, typeToWake=types)
    await mac2.restart()
    (tmp_path / "api").mkdir()
    await mac2.node.seats.bind("api", str(tmp_path / "api"), False)
    chat = tmp_path / "session-1.jsonl"
    chat.write_text('{"$set":{"messages":[]}}\n')
    terminal = Terminal()
    try:
        pid = await terminal.start((sys.executable, standing_still.__file__), tmp_path, dict(os.environ))
        await terminal.wait_screen("Type your message")
        await mac2.node.hook("SessionStart", "g1", str(tmp_path / "api"), str(chat), pid=pid, client="gemini")
        await mac1.node.messages.send("mac2/api", "one")
        await until(lambda: (mac2.home / "seeds/g1/next").exists(), 30.0)
        if types:
            await until(lambda: mac2.node.counters.snapshot().get("typed_ring_failed"), 30.0)
        for _ in range(3):
            await look(mac2)
        assert mac2.node.counters.snapshot().get("typed_ring_failed", 0) == int(types)
        assert (mac2.home / "seeds/g1/next").exists(), "its user's next prompt shows it"
    finally:
        await terminal.end()
