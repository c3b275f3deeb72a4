"""Over real sockets: what begins, ends or changes on one machine is known on the other without anybody looking."""

from pathlib import Path

import pytest

from multifleet.node.offering import remote_sessions
from multifleet.node.presence import facts
from tests.node.fleet import until
from tests.node.offering.pretended import Pretended
from tests.node.presence.test_presence import fleet_of
from tests.node.served import Daemons


async def test_heartbeats_alone_bring_a_new_sessions_card_and_take_it_away(
    daemons: Daemons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (facts, remote_sessions):
        monkeypatch.setattr(module, "EVERY", 0.2)
    mac1, mac2 = await fleet_of(daemons, "mac1", "mac2")
    remote = mac1.node.remote_sessions

    def seen() -> list[tuple[str, str]]:
        return [(card.seat, card.state) for card in remote.cards().get("mac2", ())]

    async with Pretended(mac2.home / "claude", tmp_path / "api") as client:
        await until(lambda: seen() == [("api", "idle")])
        client.record.write(status="busy")
        await until(lambda: seen() == [("api", "busy")])
        client.record.write(status="waiting")
        await until(lambda: seen() == [("api", "waiting")])
    await until(lambda: remote.cards()["mac2"] == ())
    assert not mac1.node.counters.snapshot().get("sessions_not_told")
