"""Which clients are shown remote seats."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from multifleet.node.native.serving import Serving
from multifleet.node.offering.clients import AGAIN, AGAIN_FIRST, rest_after
from multifleet.sessions.base import Session, Status
from multifleet.sessions.claude_native import ClaudeNative
from multifleet.sessions.claude_registry import ClaudeRegistry
from multifleet.sessions.claude_selftest import SelfTest
from tests.node.fleet import Machine, Machines, until


def session(version: str, **changes: Any) -> Session:
    facts: dict[str, Any] = {
        "client": "claude",
        "session_id": "s",
        "pid": 1,
        "proc_start": "",
        "cwd": "/",
        "name": "",
        "status": Status.IDLE,
        "version": version,
        "entrypoint": "cli",
        "socket": Path("/tmp/x.sock"),
        "transcript": None,
        "started_at": 0.0,
        "updated_at": 0.0,
        "kind": "interactive",
    }
    return Session(**facts | changes)


class Trial(ClaudeNative):
    """Its self-test finds what it is told to."""

    def __init__(self, machine: Machine, ok: bool = True) -> None:
        super().__init__(ClaudeRegistry(machine.home / "claude"))
        self.machine = machine
        self.ok = ok
        self.times = 0

    async def test(self, session: Session) -> SelfTest:
        self.times += 1
        return SelfTest(session.version, self.ok, "as told", self.machine.node.clock.wall())

    def serving(self) -> Serving:
        node = self.machine.node
        node.offering.clients.way_to = lambda session: "socket" if session.socket else "hooks"  # type: ignore[method-assign]
        return Serving(node.store, node.clock, node.counters, node.offering.clients, [self])


async def running(serving: Serving, stack: AsyncExitStack) -> Serving:
    task = asyncio.create_task(serving.run())
    stack.callback(task.cancel)
    await until(lambda: serving._tests.is_running)
    return serving


async def test_a_measured_version_is_served_and_one_without_an_inbox_or_of_another_maker_is_not(
    fleet: Machines,
) -> None:
    (mac1,) = fleet.add("mac1")
    await mac1.open()
    trial = Trial(mac1)
    serving = trial.serving()
    assert serving.serves(session("2.1.329"))
    assert not serving.serves(session("2.1.329", socket=None))
    assert not serving.serves(session("2.1.329", client="codex"))
    assert trial.times == 0


async def test_another_version_is_served_once_it_has_passed_a_test_which_is_remembered(fleet: Machines) -> None:
    (mac1,) = fleet.add("mac1")
    await mac1.open()
    trial = Trial(mac1)
    async with AsyncExitStack() as stack:
        serving = await running(trial.serving(), stack)
        assert not serving.serves(session("2.1.400"))
        await until(lambda: serving.serves(session("2.1.400")))
        await until(lambda: not serving._tests)
        again = trial.serving()
        await again.load()
        assert again.serves(session("2.1.400")) and trial.times == 1


async def test_one_that_failed_is_tried_again_after_a_while_and_not_before(fleet: Machines) -> None:
    (mac1,) = fleet.add("mac1")
    await mac1.open()
    trial = Trial(mac1, ok=False)
    async with AsyncExitStack() as stack:
        serving = await running(trial.serving(), stack)
        assert not serving.serves(session("2.1.400"))
        await until(lambda: serving.verdicts("claude") and not serving._tests)
        assert not serving.serves(session("2.1.400")) and not serving._tests
        mac1.time.pass_(AGAIN + 1)
        assert not serving.serves(session("2.1.400")) and serving._tests
        await until(lambda: trial.times == 2)


async def test_a_first_failure_counts_for_a_few_minutes_and_each_further_one_for_longer(fleet: Machines) -> None:
    (mac1,) = fleet.add("mac1")
    await mac1.open()
    trial = Trial(mac1, ok=False)
    async with AsyncExitStack() as stack:
        serving = await running(trial.serving(), stack)
        assert not serving.serves(session("2.1.400"))
        await until(lambda: trial.times == 1 and not serving._tests)
        mac1.time.pass_(AGAIN_FIRST + 1)
        assert not serving.serves(session("2.1.400")) and serving._tests
        await until(lambda: trial.times == 2 and not serving._tests)
        mac1.time.pass_(AGAIN_FIRST + 1)
        assert not serving.serves(session("2.1.400")) and not serving._tests


def test_the_longest_rest_is_an_hour() -> None:
    assert [rest_after(times) for times in range(6)] == [300.0, 300.0, 600.0, 1200.0, 2400.0, 3600.0]
    assert rest_after(100_000) == AGAIN
