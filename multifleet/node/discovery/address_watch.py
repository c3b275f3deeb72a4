"""Notices that this machine's addresses are others than before: the kernel says so on Linux, elsewhere it is looked up.

It says only that they may have changed; whoever listens compares.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

POLL_SECONDS = 5.0
"""Where no notice can be had."""
SLOW_POLL_SECONDS = 30.0
"""Beside the notices, in case one was lost."""
SETTLE_SECONDS = 0.3
"""An interface gets its addresses one after the other."""

_NETLINK_ROUTE = 0
_ADDRESS_GROUPS = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR


class AddressWatch:
    """Calls `changed` when `addresses` gives another answer than before."""

    def __init__(self, addresses: Callable[[], list[str]], changed: Callable[[], None]) -> None:
        self._addresses = addresses
        self._changed = changed

    async def run(self) -> None:
        """Until cancelled."""
        before = self._addresses()
        async with _notices() as notice:
            wait = POLL_SECONDS if notice is None else SLOW_POLL_SECONDS
            while True:
                if notice is None:
                    await asyncio.sleep(wait)
                else:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await notice.wait()
                            await asyncio.sleep(SETTLE_SECONDS)
                    notice.clear()
                now = self._addresses()
                if now != before:
                    before = now
                    self._changed()


@contextlib.asynccontextmanager
async def _notices() -> AsyncIterator[asyncio.Event | None]:
    """Set when the kernel tells of an address that came or went; None where it does not."""
    wire = _netlink()
    if wire is None:
        yield None
        return
    loop = asyncio.get_running_loop()
    notice = asyncio.Event()

    def told() -> None:
        with contextlib.suppress(OSError):  # nothing more to read, or more came than the buffer holds
            while wire.recv(65_536):
                pass
        notice.set()

    with wire:
        loop.add_reader(wire, told)
        try:
            yield notice
        finally:
            loop.remove_reader(wire)


def _netlink() -> socket.socket | None:
    """Where the kernel tells of addresses; None on other systems, and where a sandbox forbids it."""
    if not hasattr(socket, "AF_NETLINK"):
        return None
    try:
        wire = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE)
    except OSError:
        return None
    try:
        wire.setblocking(False)
        wire.bind((0, _ADDRESS_GROUPS))
    except OSError:
        wire.close()
        return None
    return wire
