"""Sessions of clients beside Claude Code: known by their start hook, reached by hooks, forgotten with their process."""

import asyncio
import os
import sys
from pathlib import Path

from multifleet.core.receipts import State
from multifleet.node.offering.other_clients import MOST
from multifleet.sessions.seeds import SeedBox
from multifleet.sessions.shells import above_shells
from tests.node.fleet import Machine, Machines

ID = "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5"


async def test_what_its_start_hook_told_is_known_after_a_restart_while_its_process_runs(
    fleet: Machines, tmp_path: Path
) -> None:
    _, mac2 = await started(fleet, tmp_path)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    await mac2.node.hook("SessionStart", ID, str(tmp_path / "api"), pid=process.pid, client="gemini")
    await mac2.restart()
    (session,) = (await mac2.node.sessions_view(True)).sessions
    assert (session.client, session.seat, session.delivers_by) == ("gemini", "api", "hooks")
    await process.communicate(b"\n")
    assert (await mac2.node.sessions_view(True)).sessions == []


async def test_gemini_is_shown_nothing_at_its_start_and_all_with_its_first_prompt(
    fleet: Machines, tmp_path: Path
) -> None:
    mac1, mac2 = await started(fleet, tmp_path)
    sent = await mac1.node.messages.send("mac2/api", "hello")
    await mac1.wait(sent.id, State.STORED)
    told = await mac2.node.hook("SessionStart", ID, str(tmp_path / "api"), pid=os.getpid(), client="gemini")
    assert told.text == ""
    seed = SeedBox(mac2.home).take_back(ID)
    assert seed is not None and "hello" in seed


async def test_codex_is_shown_at_its_start_what_waits(fleet: Machines, tmp_path: Path) -> None:
    mac1, mac2 = await started(fleet, tmp_path)
    sent = await mac1.node.messages.send("mac2/api", "hello")
    await mac1.wait(sent.id, State.STORED)
    told = await mac2.node.hook("SessionStart", ID, str(tmp_path / "api"), pid=os.getpid(), client="codex")
    assert "hello" in told.text
    await mac1.wait(sent.id, State.OFFERED)


async def test_a_process_has_one_conversation_and_only_so_many_are_remembered(fleet: Machines, tmp_path: Path) -> None:
    _, mac2 = await started(fleet, tmp_path)
    others = mac2.node.offering.others
    for number in range(3):
        others.announce("gemini", f"s{number}", "/", os.getpid())
    assert [session.session_id for session in others.find()] == ["s2"]
    for number in range(MOST):
        others.announce("qwen", f"q{number}", "/", None)
    assert not others.runs_hooks("s2") and others.find() == ()


def test_what_runs_a_hook_is_the_nearest_process_that_is_no_shell() -> None:
    assert above_shells(os.getpid()) == os.getpid()
    assert above_shells(2**30) is None


async def started(fleet: Machines, folder: Path) -> tuple[Machine, Machine]:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    (folder / "api").mkdir()
    await mac2.node.seats.bind("api", str(folder / "api"), False)
    return mac1, mac2
