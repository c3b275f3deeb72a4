"""What the doctor says of a client, by what its tests found."""

import dataclasses
import os
from pathlib import Path

import pytest

from multifleet.node.checks.client import Clients, hooked, reachable
from multifleet.node.offering.clients import Verdict
from multifleet.sessions.base import Found
from tests.sessions.test_typed_ring import session_of

VERSION = "2.1.400"


def clients(native: dict[str, Verdict]) -> Clients:
    passed = {VERSION: Verdict(VERSION, True, "everything holds", 1.0)}
    return Clients(Path("/usr/bin/claude"), VERSION, Found((), ()), passed, native)


def test_a_version_that_lists_no_seats_of_other_machines_is_a_warning() -> None:
    said = reachable(clients({VERSION: Verdict(VERSION, False, "failed: a notice about it reaches the model", 1.0)}))
    assert said.level == "warn"
    assert "2.1.400 does not list the seats of other machines" in said.says and "a notice about it" in said.says


def test_one_that_was_not_seen_yet_or_has_passed_is_well_and_an_older_one_no_matter() -> None:
    for native in (
        {},
        {VERSION: Verdict(VERSION, True, "everything holds", 1.0)},
        {"2.1.390": Verdict("2.1.390", False, "failed: ...", 1.0)},
    ):
        assert reachable(clients(native)).level == "ok"


@pytest.mark.parametrize("client", ["codex", "gemini", "qwen"])
def test_a_machine_with_sessions_of_other_clients_alone_is_well_without_claude_code(
    client: str, tmp_path: Path
) -> None:
    session = dataclasses.replace(session_of(os.getpid()), client=client)
    alone = Clients(None, None, Found((session,), ()), {})
    assert reachable(alone).level == hooked(tmp_path, alone).level == "ok"
    assert f"sessions of {client}" in reachable(alone).says
