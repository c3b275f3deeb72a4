"""What a node does on its own account."""

import pytest

from multifleet.node import upkeep
from tests.node.fleet import until
from tests.node.presence.test_presence import fleet_of
from tests.node.served import Daemons


async def test_whoever_is_there_is_asked_what_its_clock_says_without_a_message(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "ASK_EVERY", 0.05)
    mac1, mac2, mac3 = await fleet_of(daemons, "mac1", "mac2", "mac3")
    for one, other in ((mac1, mac2), (mac1, mac3), (mac2, mac3), (mac3, mac2)):
        await until(lambda one=one, other=other: one.node.members.need(other.name).offset is not None)
        assert abs(one.node.members.need(other.name).offset or 0.0) < 2


async def test_nobody_is_asked_again_within_the_hour(daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "ASK_EVERY", 0.05)
    mac1, _ = await fleet_of(daemons, "mac1", "mac2")
    await until(lambda: mac1.node.members.need("mac2").offset is not None)
    asked: list[str] = []
    monkeypatch.setattr(mac1.node.outbox_of("mac2"), "probe", lambda: asked.append("mac2"))
    for _ in range(5):
        mac1.node.upkeep.ask_the_time()
    assert asked == []
    mac1.time.pass_(upkeep.TIME_AGAIN)
    await until(lambda: asked)
    assert set(asked) == {"mac2"}
