"""Of a client's version it is known for a while whether it does what it did when it was measured."""

import time
from pathlib import Path

import pytest

from multifleet.core.receipts import State
from multifleet.errors import StoreUnavailable
from multifleet.node.offering import clients as clients_module
from multifleet.sessions.claude_selftest import SelfTest
from tests.node.fleet import until
from tests.node.offering.pretended import is_seed_of
from tests.node.offering.stage import Stage


async def test_a_self_test_whose_result_cannot_be_kept_still_counts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def passes(binary: Path, timeout: float = 0.0) -> SelfTest:
        return SelfTest("2.1.999", True, "everything holds", time.time(), ())

    async def full(key: str, value: str) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(clients_module, "self_test", passes)
    monkeypatch.setattr(stage.node.store.meta, "set", full)
    async with stage.pretended(version="2.1.999") as claude:
        id = await stage.send("hello")
        await claude.offered()
        await stage.mac1.wait(id, State.OFFERED)
        assert stage.node.is_running


async def test_a_version_that_failed_its_self_test_is_tested_again_after_a_while(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = [False, True]

    async def tests(binary: Path, timeout: float = 0.0) -> SelfTest:
        ok = results.pop(0)
        return SelfTest("2.1.999", ok, "everything holds" if ok else "failed: too slow", time.time(), ())

    monkeypatch.setattr(clients_module, "self_test", tests)
    async with stage.pretended(version="2.1.999") as claude:
        id = await stage.send("hello")
        await until(lambda: is_seed_of(stage.mac2.home))
        stage.mac2.time.pass_(2 * clients_module.AGAIN)
        other = await stage.send("and on", sender_seat="desk")
        await claude.offered()
        await stage.mac1.wait(other, State.OFFERED)
        assert "offered" not in await stage.states(id) and not results
