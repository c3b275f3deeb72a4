"""Hears from systemd-logind that the machine goes to sleep, and makes it wait until the others were told.

Where there is no logind nothing is said: sleep is then concluded afterwards from the clocks. On other systems nobody
announces anything here.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from multifleet.loading import load
from multifleet.node.counters import Counters

if TYPE_CHECKING:
    from multifleet.node.sleep.bus import Bus

DELAY_SECONDS = 1.0
"""That the machine waits for us at the most; logind itself allows five."""
AGAIN_FIRST, AGAIN_LAST = 1.0, 60.0
"""Seconds until the bus is tried again, doubled each time."""

SERVICE = "org.freedesktop.login1"
PATH = "/org/freedesktop/login1"
MANAGER = "org.freedesktop.login1.Manager"
PREPARE = "PrepareForSleep"
BUS = "org.freedesktop.DBus"
BUS_ADDRESS, BUS_PLACES = "DBUS_SYSTEM_BUS_ADDRESS", ("/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket")
OWNER_CHANGED = "NameOwnerChanged"
NOT_THERE = tuple(f"{BUS}.Error.{name}" for name in ("ServiceUnknown", "NameHasNoOwner", "Spawn.ServiceNotFound"))
"""What the bus answers where no logind is."""
WHY = "tells the fleet that this machine goes to sleep"


def _may_have_bus() -> bool:
    return bool(os.environ.get(BUS_ADDRESS)) or any(map(os.path.exists, BUS_PLACES))


class Logind:
    """`run` until cancelled; `sleeping` is waited for, a second at the most, before the machine may sleep."""

    def __init__(
        self, sleeping: Callable[[], Awaitable[None]], woke: Callable[[], None], counters: Counters
    ) -> None:
        self._sleeping = sleeping
        self._woke = woke
        self._counters = counters
        self._lock: Any = None
        self.problem: str | None = None
        """Why it is there and does not let us wait for it."""
        self.announces = False
        """Whether logind is there and will announce a sleep."""

    async def run(self) -> None:
        """Connect, listen, and again when the bus or logind went away."""
        while not _may_have_bus():  # noqa: ASYNC110  nobody tells of a bus that comes
            await asyncio.sleep(AGAIN_LAST)
        await load("multifleet.node.sleep.bus")
        from multifleet.node.sleep.bus import Bus, BusGone, BusRefused

        wait = AGAIN_FIRST
        while True:
            try:
                bus = await Bus.connect()
                try:
                    await self._listen(bus)
                finally:
                    bus.close()
            except (BusGone, BusRefused) as error:
                self.problem = str(error) if isinstance(error, BusRefused) and str(error) not in NOT_THERE else None
                wait = AGAIN_FIRST if self.announces else min(AGAIN_LAST, 2 * wait)
            finally:
                self.announces = False
                self._release()
            await asyncio.sleep(wait)

    async def _listen(self, bus: "Bus") -> None:
        from jeepney import MatchRule  # type: ignore[import-untyped]
        from jeepney.bus_messages import message_bus  # type: ignore[import-untyped]
        from jeepney.low_level import HeaderFields  # type: ignore[import-untyped]

        sleep = MatchRule(type="signal", sender=SERVICE, interface=MANAGER, member=PREPARE, path=PATH)
        owner = MatchRule(type="signal", sender=BUS, interface=BUS, member=OWNER_CHANGED)
        owner.add_arg_condition(0, SERVICE)
        for rule in (sleep, owner):
            await bus.call(message_bus.AddMatch(rule))
        await self._inhibit(bus)
        self.announces, self.problem = True, None
        while (signal := await bus.signals.get()) is not None:
            what = signal.header.fields.get(HeaderFields.member), signal.header.fields.get(HeaderFields.signature)
            if what == (PREPARE, "b") and await self._is_from(bus, signal, SERVICE):
                await self._prepare(bus, bool(signal.body[0]))
            elif what == (OWNER_CHANGED, "sss") and await self._is_from(bus, signal, BUS):
                self._release()
                if signal.body[2]:  # logind was started again, and knows nothing of our lock
                    await self._inhibit(bus)

    async def _prepare(self, bus: "Bus", sleeps: bool) -> None:
        if not sleeps:
            self._woke()
            await self._inhibit(bus)
            return
        try:
            async with asyncio.timeout(DELAY_SECONDS):
                await self._sleeping()
        except TimeoutError:
            self._counters.count("sleep_announced_late")
        finally:
            self._release()

    async def _inhibit(self, bus: "Bus") -> None:
        from jeepney import DBusAddress, new_method_call

        self._release()
        manager = DBusAddress(PATH, bus_name=SERVICE, interface=MANAGER)
        (self._lock,) = await bus.call(
            new_method_call(manager, "Inhibit", "ssss", ("sleep", "multifleet", WHY, "delay"))
        )

    async def _is_from(self, bus: "Bus", signal: Any, name: str) -> bool:
        """Whether the owner of the name sent it: a signal to one recipient passes no rule of the bus."""
        from jeepney.bus_messages import message_bus
        from jeepney.low_level import HeaderFields

        from multifleet.node.sleep.bus import BusRefused

        sender = signal.header.fields.get(HeaderFields.sender)
        if name == BUS:
            return bool(sender == BUS)
        try:
            (owner,) = await bus.call(message_bus.GetNameOwner(name))
        except BusRefused:
            return False
        return bool(sender == owner)

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
