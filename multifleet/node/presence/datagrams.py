"""Frames over UDP: one datagram, one frame. Sends them, and reads them in portions that leave the loop to others.

What does not come from a member is dropped before it costs much and is never answered. A flood is read as fast as it
can be, because that alone keeps room for the members' datagrams in the system's buffer; but never for longer than
TURN at a time, so that whoever asks over HTTP is served in between.
"""

import asyncio
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial

from multifleet.config import join_address
from multifleet.core import frame
from multifleet.core.frame import FrameRefused, Opened, Refusal
from multifleet.core.keys import PairKeys
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.members import Member, Members

DATAGRAM_LIMIT = 1_200
"""Bytes; below every path's MTU."""
TURN = 0.0005
"""Seconds of reading before others get their turn."""
PORTION = 32
"""Datagrams between two looks at the clock."""
BUFFER = 4 * 1024 * 1024
"""Bytes that the system is asked to hold for a socket; it gives what it allows."""

REMEMBERED = 2_048
"""Authentic datagrams that are known again by their last bytes, before anything is reckoned."""

_BEGINNING = b"mf1 "
_TAG = 16
"""Bytes at the end of each frame that no other frame has: the tag of its encryption."""

Source = tuple[str, int]
"""IP address and port."""
Take = Callable[[Member, Opened, Source], bool]
"""Given each authentic datagram, and where it came from; says whether it was new."""


class Datagrams:
    """The UDP side of a node. `start`, then `send`."""

    def __init__(
        self,
        members: Members,
        clock: NodeClock,
        counters: Counters,
        take: Take,
        outside_window: Callable[[str], None] = lambda node: None,
    ) -> None:
        """`outside_window`: told of each member of which a datagram came that another clock had stamped."""
        self._outside_window = outside_window
        self._members = members
        self._clock = clock
        self._counters = counters
        self._take = take
        self._wires: list[socket.socket] = []
        self._room = bytearray(DATAGRAM_LIMIT + 1)
        self._view = memoryview(self._room)
        self._taken: dict[bytes, None] = {}

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """(host, port) on which it listens."""
        return [wire.getsockname()[:2] for wire in self._wires]

    async def start(self, stack: AsyncExitStack, addresses: Sequence[tuple[str, int]]) -> None:
        """Listen on the same addresses and ports as the daemon's HTTP side."""
        loop = asyncio.get_running_loop()
        for host, port in addresses:
            wire = _socket(host, port)
            self._wires.append(wire)
            stack.callback(self._close, loop, wire)
            loop.add_reader(wire, partial(self._read, wire))

    def send(
        self, member: Member, packet: bytes, addresses: Sequence[Source], keys: PairKeys | None = None
    ) -> None:
        """Send one packet, in one frame, to each of these IP addresses of a member; an answer under the keys of what
        it answers."""
        if not addresses:
            return
        keys = keys or member.outgoing
        sent = max(0, int(self._clock.now() + (member.offset or 0.0)))
        made = frame.seal(keys, self._members.identity.node, member.node, sent, secrets.token_bytes(16), packet)
        if len(made) > DATAGRAM_LIMIT:
            self._counters.failed("datagram_too_long", peer=member.node, bytes=len(made))
            return
        for host, port in addresses:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            wire = next((wire for wire in self._wires if wire.family == family), None)
            if wire is None:
                continue
            try:
                wire.sendto(made, (host, port))
            except OSError as error:
                # No route, a full buffer, a firewall of our own: as good as lost, and the silence shows it.
                self._counters.count(f"datagram_unsent_{(error.strerror or 'error').lower().replace(' ', '_')}")

    def read_now(self) -> None:
        """Read what has come already: what waited while this process did not run must not count as silence."""
        for wire in self._wires:
            self._read(wire)

    def _read(self, wire: socket.socket) -> None:
        until = time.perf_counter() + TURN
        refused: Counter[Refusal] = Counter()
        source: Source = ("", 0)
        more = True
        while more:
            for _ in range(PORTION):
                try:
                    length, source = wire.recvfrom_into(self._room)
                except BlockingIOError:
                    more = False
                    break
                except OSError:
                    continue  # told of an earlier datagram of ours that did not arrive
                refusal = self._open(length, source)
                if refusal is not None:
                    refused[refusal] += 1
            more = more and time.perf_counter() < until
        for fault, count in refused.items():
            name = f"datagram_refused_{fault}"
            if fault is Refusal.REPLAY and count < PORTION:
                self._counters.count(name, count)  # some networks bring things twice
                continue
            self._counters.count(name, count - 1)
            self._counters.failed(name, remote=join_address(*source[:2]))

    def _open(self, length: int, source: Source) -> Refusal | None:
        """Hand one datagram on, if a member made it for this node just now; else why not. The cheap looks go first."""
        if length > DATAGRAM_LIMIT:
            return Refusal.TOO_LARGE
        if self._room[:4] != _BEGINNING:
            return Refusal.MALFORMED
        data = bytes(self._view[:length])
        tag = data[-_TAG:]
        if tag in self._taken:
            return Refusal.REPLAY
        me = self._members.identity.node
        refusal = self._glance(data, me)
        if refusal is not None:
            return refusal
        try:
            opened = frame.open_frame(data, me, self._members.incoming_keys, self._clock.now())
        except FrameRefused as error:
            if error.refusal is Refusal.OUTSIDE_WINDOW and error.header is not None:
                self._outside_window(error.header.sender)
            return error.refusal
        header = opened.header
        member = self._members.get(header.sender)
        if member is None or header.sender == me:
            return Refusal.UNKNOWN_SENDER
        self._taken[tag] = None
        if len(self._taken) > REMEMBERED:
            del self._taken[next(iter(self._taken))]
        self._members.proved(header.sender, header.kid)
        return None if self._take(member, opened, source[:2]) else Refusal.REPLAY

    def _glance(self, data: bytes, me: str) -> Refusal | None:
        """Whether the header names this node, a member and a key of its, as far as that can be seen at a glance."""
        words = data.split(b" ", 4)
        if len(words) < 5 or not words[1].isascii() or not words[3].isascii():
            return Refusal.MALFORMED
        if words[2] != me.encode():
            return Refusal.WRONG_RECIPIENT
        known = self._members.incoming_keys(words[1].decode(), words[3].decode()) is not None
        return None if known else Refusal.UNKNOWN_SENDER

    def _close(self, loop: asyncio.AbstractEventLoop, wire: socket.socket) -> None:
        self._wires.remove(wire)
        loop.remove_reader(wire)
        wire.close()


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    wire = socket.socket(family, socket.SOCK_DGRAM)
    try:
        wire.setblocking(False)
        if family == socket.AF_INET6:
            wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        with suppress(OSError):  # less room than was asked for is no reason to stay silent
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        wire.bind((host, port))
    except OSError:
        wire.close()
        raise
    return wire
