"""The real Qwen Code is asked whether its inbox and native presence hold, by the program that a session of it runs."""

import asyncio
import sys
from pathlib import Path

import pytest

from multifleet.sessions.base import Unreachable
from multifleet.sessions.qwen_inbox_selftest import FACTS as INBOX_FACTS
from multifleet.sessions.qwen_inbox_selftest import qwen_self_test
from multifleet.sessions.qwen_native_selftest import FACTS, qwen_native_self_test
from multifleet.sessions.qwen_selftest import command_of
from tests.lab.client_install import program


@pytest.mark.real_clients
async def test_the_measured_version_takes_and_lists_what_we_write_and_writes_to_it() -> None:
    command = [program("qwen")]
    for result in await asyncio.gather(
        qwen_native_self_test(command, "0.24.4", timeout=90.0), qwen_self_test(command, "0.24.4", timeout=90.0)
    ):
        assert result.ok, result.detail


async def test_a_program_that_is_no_client_fails_every_fact() -> None:
    result = await qwen_native_self_test(["/bin/false"], "0.24.4")
    assert result.failed == tuple(FACTS) and result.detail.startswith("failed: the client lists")
    result = await qwen_self_test(["/bin/false"], "0.24.4")
    assert result.failed == tuple(INBOX_FACTS) and result.detail.startswith("failed: the client registers")


async def test_the_program_of_a_running_process_is_its_interpreter_and_its_script(tmp_path: Path) -> None:
    script = tmp_path / "cli.js"
    script.write_text("input()")
    process = await asyncio.create_subprocess_exec(sys.executable, "-I", script, "its own word", stdin=-1)
    try:
        assert command_of(process.pid) == [f"/proc/{process.pid}/exe", str(script)]
    finally:
        process.kill()
        await process.wait()
    with pytest.raises(Unreachable):
        command_of(process.pid)
