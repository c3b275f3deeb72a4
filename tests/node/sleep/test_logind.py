"""logind says that the machine sleeps, and it waits until the others were told; python-dbusmock is the logind."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from jeepney import DBusAddress, new_method_call  # type: ignore[import-untyped]

from multifleet.node.counters import Counters
from multifleet.node.sleep import bus as bus_module
from multifleet.node.sleep import logind as module
from multifleet.node.sleep.bus import Bus, BusGone
from multifleet.node.sleep.logind import Logind
from tests.node.discovery.heard import soon
from tests.node.sleep.system_bus import SystemBus, lacks, system_bus

pytestmark = pytest.mark.system_bus
NO_LOCK = "(@a(ssssuu) [],)\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A socket's path is at most 107 bytes long."""
    with TemporaryDirectory(prefix="mfbus") as name:
        yield Path(name)


@pytest.fixture
def bus(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SystemBus]:
    with system_bus(folder) as found:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", found.address)
        yield found


class Told:
    """What a node was told, and how long it takes to tell the others."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.may_sleep = asyncio.Event()
        self.may_sleep.set()
        self.counters = Counters()
        self.logind = Logind(self.sleeping, lambda: self.words.append("woke"), self.counters)

    async def sleeping(self) -> None:
        self.words.append("sleeping")
        await self.may_sleep.wait()
        self.words.append("told")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.logind.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def off_the_loop(what: Callable[..., object], *values: object) -> object:
    """What blocks."""
    return await asyncio.to_thread(what, *values)


async def come(bus: SystemBus, is_so: Callable[[str], bool]) -> None:
    """Wait until logind has noticed what became of a lock."""
    async with asyncio.timeout(20):
        while not is_so(str(await off_the_loop(bus.inhibitors))):
            pass


def is_ours(held: str) -> bool:
    return "'multifleet'" in held


def is_none(held: str) -> bool:
    return held == NO_LOCK


async def test_a_lock_is_held_until_the_others_were_told_and_taken_again_after_waking(bus: SystemBus) -> None:
    told = Told()
    told.may_sleep.clear()
    async with told.running():
        await soon(lambda: told.logind.announces)
        held = str(await off_the_loop(bus.inhibitors))
        assert "'sleep', 'multifleet'" in held and "'delay'" in held
        await off_the_loop(bus.says_sleep, True)
        await soon(lambda: told.words == ["sleeping"])
        assert await off_the_loop(bus.inhibitors) == held, "the machine waits"
        told.may_sleep.set()
        await soon(lambda: told.words == ["sleeping", "told"])
        await come(bus, is_none)  # now it may sleep
        await off_the_loop(bus.says_sleep, False)
        await soon(lambda: told.words[2:] == ["woke"])
        await come(bus, is_ours)
    await come(bus, is_none)


async def test_telling_the_others_delays_the_sleep_by_a_bounded_time(
    bus: SystemBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DELAY_SECONDS", 0.1)
    told = Told()
    told.may_sleep.clear()
    async with told.running():
        await soon(lambda: told.logind.announces)
        await off_the_loop(bus.says_sleep, True)
        await soon(lambda: told.counters.snapshot().get("sleep_announced_late"))
        await come(bus, is_none)


async def test_a_logind_or_a_bus_that_is_started_again_is_found_again(
    bus: SystemBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_FIRST", 0.05)
    monkeypatch.setattr(module, "AGAIN_LAST", 0.05)
    told = Told()
    async with told.running():
        await soon(lambda: told.logind.announces)
        await off_the_loop(bus.stop_logind)
        await off_the_loop(bus.start_logind)
        await soon(lambda: told.logind.announces)
        await come(bus, is_ours)
        await off_the_loop(bus.stop)
        await soon(lambda: not told.logind.announces)
        await off_the_loop(bus.start)
        await asyncio.sleep(0.2)
        assert not told.logind.announces, "a bus without logind announces nothing"
        await off_the_loop(bus.start_logind)
        await soon(lambda: told.logind.announces)
        await off_the_loop(bus.says_sleep, True)
        await soon(lambda: "told" in told.words)


async def test_an_answer_that_came_too_late_holds_no_lock(bus: SystemBus) -> None:
    connection = await Bus.connect()
    manager = DBusAddress(module.PATH, bus_name=module.SERVICE, interface=module.MANAGER)
    inhibit = new_method_call(manager, "Inhibit", "ssss", ("sleep", "somebody", "no reason", "delay"))
    asked = asyncio.create_task(connection.call(inhibit))
    await asyncio.sleep(0)  # it is sent then
    asked.cancel()
    await asyncio.wait([asked])
    await connection.call(new_method_call(manager, "ListInhibitors"))  # its answer comes after that one
    await come(bus, is_none)
    connection.close()


async def test_another_program_cannot_say_that_the_machine_sleeps(
    bus: SystemBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Bus] = []
    connect = Bus.connect

    async def remembered() -> Bus:
        made.append(await connect())
        return made[-1]

    monkeypatch.setattr(Bus, "connect", remembered)
    told = Told()
    async with told.running():
        await soon(lambda: told.logind.announces)
        await off_the_loop(bus.somebody_says_sleep, made[0].unique_name)
        await off_the_loop(bus.says_sleep, False)
        await soon(lambda: told.words)
        assert told.words == ["woke"]


async def test_without_a_bus_nothing_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={folder}/none")
    monkeypatch.setattr(module, "AGAIN_FIRST", 0.01)
    told = Told()
    async with told.running():
        await asyncio.sleep(0.1)
    assert told.words == [] and told.counters.snapshot() == {}


@pytest.mark.parametrize("address", ["tcp:host=127.0.0.1,port=1", "nonsense", "unix:tmpdir=/tmp", "unix:path"])
async def test_an_address_that_cannot_be_used_is_no_bus(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    with pytest.raises(BusGone):
        await Bus.connect()


async def test_a_bus_that_does_not_answer_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "SECONDS", 0.1)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={folder}/mute")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mute:
        mute.bind(f"{folder}/mute")
        mute.listen()
        with pytest.raises(BusGone):
            await Bus.connect()


def test_what_the_tests_need_is_said_in_one_word() -> None:
    assert lacks() == ""
