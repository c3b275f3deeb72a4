"""What logind says on one machine is what the other machines of its fleet see; python-dbusmock is the logind."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from multifleet.core.sleep import Reading
from multifleet.node.sleep.clock_gap import read_clocks
from tests.node.fleet import until
from tests.node.presence.test_presence import LONG, answers, sees
from tests.node.served import Daemon, Daemons, daemons_in
from tests.node.sleep.system_bus import SystemBus, system_bus

pytestmark = pytest.mark.system_bus
NIGHT = 28_800.0


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[SystemBus]:
    with TemporaryDirectory(prefix="mfbus") as folder, system_bus(Path(folder)) as found:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", found.address)
        yield found


async def test_a_machine_that_sleeps_is_asleep_to_the_others_at_once_and_no_flapping_one_when_it_wakes(
    tmp_path: Path, bus: SystemBus
) -> None:
    async with daemons_in(tmp_path) as daemons:
        slept = 0.0

        def readings() -> Reading:
            now = read_clocks()
            return Reading(now.running, now.through + slept, now.least)

        mac1, mac2 = await started(daemons)
        mac2.node.sleep._readings = readings
        await until(lambda: mac2.node.sleep.logind.announces, LONG)
        await answers(mac1, mac2)
        await answers(mac2, mac1)

        await asyncio.to_thread(bus.says_sleep, True)
        began = time.monotonic()
        await until(lambda: sees(mac1, mac2) == "asleep", LONG)
        assert time.monotonic() - began < 2
        assert "said so" in mac1.node.presence.peer("mac2").how
        [view] = (await mac1.node.peers_view()).peers
        assert view.state == "asleep"

        slept = NIGHT
        await asyncio.to_thread(bus.says_sleep, False)
        await until(lambda: sees(mac1, mac2) == "alive", LONG)
        seen = mac1.node.presence.peer("mac2")
        assert seen.slept == pytest.approx(NIGHT, abs=5)
        assert seen.how.startswith("slept ")
        [view] = (await mac1.node.peers_view()).peers
        assert "had slept" in view.how
        assert (seen.flaps, view.flaps) == (0, 0)
        assert "peer_dead" not in mac1.node.counters.snapshot()
        await mac1.delivers("mac2")


async def started(daemons: Daemons) -> tuple[Daemon, Daemon]:
    """Two that know each other; only the second one is on the machine whose logind speaks."""
    mac1, mac2 = daemons.new("mac1"), daemons.new("mac2")
    await mac1.up()
    mac1.node.sleep.by_logind = False  # before its loops begin
    await mac2.up()
    await mac2.node.join((await mac1.node.invite([mac1.address])).code, [])
    return mac1, mac2
