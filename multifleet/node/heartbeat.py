"""Heartbeats over UDP: a signed "I am here", so that a peer is heard and what waits for it leaves at once.

A hint and nothing more: it says when a peer was last heard, and an address that is worth a try. (boot, count) only
grows, so a recorded heartbeat is worth nothing.
"""

import asyncio
import random
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from multifleet.config import join_address, split_address
from multifleet.core import frame, packets
from multifleet.core.frame import FrameRefused
from multifleet.core.packets import BadPacket, Heartbeat
from multifleet.core.strict import NotStrict
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.members import Member, Members

DATAGRAM_LIMIT = 1_200
"""Bytes; below every path's MTU."""
REMEMBERED_BOOTS = 8


class Heartbeats:
    """Sends this node's heartbeats and hears the others'."""

    def __init__(
        self,
        members: Members,
        clock: NodeClock,
        counters: Counters,
        interval: float,
        heard: Callable[[Member, str], None],
        best_address: Callable[[str], str | None],
        returned: Callable[[Member], None] = lambda member: None,
    ) -> None:
        self._members = members
        self._clock = clock
        self._counters = counters
        self._interval = interval
        self._heard = heard
        self._returned = returned
        self._best_address = best_address
        self._boot = secrets.token_hex(8)
        self._count = 0
        self._transports: list[asyncio.DatagramTransport] = []
        self._now = asyncio.Event()

    async def start(self, stack: AsyncExitStack, addresses: Sequence[tuple[str, int]]) -> None:
        """Listen on the same addresses and ports as the daemon's HTTP side."""
        loop = asyncio.get_running_loop()
        for host, port in addresses:
            wire = _socket(host, port)
            try:
                transport, _ = await loop.create_datagram_endpoint(lambda: _Ears(self._hear), sock=wire)
            except OSError:
                wire.close()
                raise
            stack.callback(transport.close)
            self._transports.append(transport)

    def beat_now(self) -> None:
        """Something changed: do not wait for the next turn."""
        self._now.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._count += 1
            for member in list(self._members.others()):
                self._beat(member)
            self._now.clear()
            try:
                async with asyncio.timeout(self._interval * random.uniform(0.8, 1.2)):
                    await self._now.wait()
            except TimeoutError:
                pass  # the next turn

    def _beat(self, member: Member) -> None:
        now = self._clock.now()
        packet = packets.write(Heartbeat(boot=self._boot, count=self._count))
        made = frame.seal(
            member.outgoing,
            self._members.identity.node,
            member.node,
            max(0, int(now + (member.offset or 0.0))),
            secrets.token_bytes(16),
            packet,
        )
        for host, port in self._addresses(member):
            for transport in self._transports:
                if (":" in host) == (transport.get_extra_info("socket").family == socket.AF_INET6):
                    transport.sendto(made, (host, port))
                    break

    def _addresses(self, member: Member) -> list[tuple[str, int]]:
        best = self._best_address(member.node)
        wanted = [best] if best and member.is_heard(self._clock.monotonic()) else member.reachable_at
        found = []
        for address in wanted:
            try:
                host, port = split_address(address)
            except ValueError:
                continue  # one peer's odd card must not silence this node for all others
            if _is_ip(host):
                found.append((host, port))
        return found

    def _hear(self, data: bytes, remote: str, port: int) -> None:
        try:
            if len(data) > DATAGRAM_LIMIT:
                raise FrameRefused(frame.Refusal.TOO_LARGE)
            opened = frame.open_frame(data, self._members.identity.node, self._members.incoming_keys, self._clock.now())
            beat = packets.read(opened.packet, Heartbeat)
        except (FrameRefused, NotStrict, BadPacket) as error:
            self._counters.count(f"heartbeat_refused_{error}" if isinstance(error, FrameRefused) else "heartbeat_bad")
            return
        member = self._members.need(opened.header.sender)
        boot, count = member.heartbeat
        if beat.boot in member.old_boots or (beat.boot == boot and beat.count <= count):
            self._counters.count("heartbeat_replayed")
            return
        if beat.boot != boot:
            member.old_boots = {*list(member.old_boots)[-REMEMBERED_BOOTS:], boot}
        member.heartbeat = (beat.boot, beat.count)
        member.calls_from = join_address(remote, port)
        self._heard(member, remote)
        if beat.boot != boot:
            self._returned(member)


class _Ears(asyncio.DatagramProtocol):
    def __init__(self, hear: Callable[[bytes, str, int], None]) -> None:
        self._hear = hear

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self._hear(data, address[0], address[1])

    def error_received(self, error: Exception) -> None:
        pass  # an unreachable peer is what the next heartbeat will show as well


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wire = socket.socket(family, socket.SOCK_DGRAM)
    wire.setblocking(False)
    if family == socket.AF_INET6:
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        wire.bind((host, port))
    except OSError:
        wire.close()
        raise
    return wire


def _is_ip(host: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except OSError:
        return False
    return True
