"""A client is asked whether it would list our records, before it is given any."""

from pathlib import Path

import pytest

from multifleet.sessions.native_selftest import FACTS, native_self_test
from tests.lab.client_install import claude_program


@pytest.mark.real_claude
async def test_the_real_client_passes() -> None:
    result = await native_self_test(Path(claude_program()), "2.1.329", 90.0)
    assert result.ok, result.detail
    assert result.version == "2.1.329"


async def test_a_program_that_is_no_client_fails_in_words(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    result = await native_self_test(program, "9.9.9", 5.0)
    assert not result.ok and result.failed == tuple(FACTS)
    assert "lists a record of ours" in result.detail
