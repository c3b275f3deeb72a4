"""P6: Wake-on-LAN. Sends at most three magic packets, from this machine or from a member that is on the sleeper's own
segment: routers carry none. It carries no frame; a success says that the sleeper was heard, and the frame goes again.
"""

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import ClassVar

from multifleet.channels.base import Carried, ChannelError, Here, Parcel, Success, Target
from multifleet.channels.cards import Cards
from multifleet.channels.segments import Segment, cards_seen, segment_with, segments, send_magic
from multifleet.config import split_address
from multifleet.core.limits import TokenBucket
from multifleet.core.magic_packet import AT_MOST, read_mac, write_mac
from multifleet.core.wake_packets import WakeAsk, WakeTold

HEARD_WITHIN = 12.0
"""Seconds that a machine has to be heard before dearer channels have their turn; one that takes longer is heard too."""
AGAIN_AFTER, AGAIN_SOON = 60.0, 5.0
"""Seconds before the same machine is woken again; the latter where nobody could send a packet."""
AT_ONCE, EVERY = 2, 30.0
"""How often a machine is woken from here, whoever asks: so often at once, and the seconds until once more."""
ASKER_AT_ONCE, ASKER_EVERY = 4, 900.0
"""The same for one member that has another woken: whoever asks for ever keeps nobody awake by it."""
LOOK_EVERY = 0.2
CARDS_FIRST, CARDS_EVERY = 10.0, 60.0
"""Seconds between two looks at who is beside this machine, and before the first."""
ASK_SECONDS = 2.0
ASKED_AT_MOST = 16


@dataclass(frozen=True, slots=True)
class Woken:
    """Packets are on the sleeper's segment. What the sleeper makes of them is not known."""

    by: str
    """The member that sent them."""
    mac: str
    sent: int

    def __str__(self) -> str:
        packets = "magic packet" if self.sent == 1 else "magic packets"
        return f"{self.sent} {packets} for {self.mac} from {self.by}"


@dataclass(slots=True)
class _Try:
    """One waking, for all frames that need it: none begins another."""

    at: float
    words: str = ""
    failure: str = "it was not finished"
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def lasts(self) -> float:
        """Seconds for which what came of it counts."""
        return AGAIN_AFTER if self.words or not self.over.is_set() else AGAIN_SOON


class WakeChannel:
    """P6."""

    name: ClassVar[str] = "wake"

    def __init__(self) -> None:
        self._here: Here
        self._cards: Cards
        self._tries: dict[str, _Try] = {}
        self._buckets: dict[str, TokenBucket] = {}
        self._askers: dict[tuple[str, str], TokenBucket] = {}

    async def start(self, stack: AsyncExitStack, here: Here) -> None:
        """Serve members that want one woken which sleeps beside this machine."""
        self._here = here
        self._cards = Cards(here.home)
        here.serve(WakeAsk, self._asked)
        here.spawn("cards", self._note_cards)

    def reaches(self, target: Target) -> str:
        """Only one that is not heard, and whose card somebody may know."""
        if target.is_there:
            return "it is awake"
        if self._mac(target) is None and not self._others(target):
            return f"nobody knows its network card: give nodes.{target.node}.mac_address in config.json"
        return ""

    async def deliver(self, target: Target, parcel: Parcel) -> Carried:
        """Wake it, and wait until it is heard."""
        node, now = target.node, self._here.monotonic()
        tried = self._tries.get(node)
        if tried is None or now - tried.at >= tried.lasts:
            tried = self._tries[node] = _Try(now)
            try:
                tried.words = str(await self.wake(target))
            except ChannelError as error:
                tried.failure = str(error)
            finally:
                tried.over.set()
        await tried.over.wait()
        if not tried.words:
            raise ChannelError(tried.failure)
        while not self._is_there(node):
            waited = self._here.monotonic() - tried.at
            if waited >= HEARD_WITHIN:
                raise ChannelError(f"not heard in {waited:.0f} s: {tried.words}")
            await asyncio.sleep(LOOK_EVERY)  # a channel is told nothing of who is heard
        return Carried(Success.NUDGED, where=f"it is awake: {tried.words}")

    async def mend(self, target: Target) -> str:
        """Allow it to be woken again at once."""
        self._tries.pop(target.node, None)
        return "it may be woken again at once"

    async def wake(self, target: Target) -> Woken:
        """Send the packets, or have them sent; ChannelError says why nobody could."""
        mac = self._mac(target)
        near = await asyncio.to_thread(_segment_of, _hosts(target))
        if near is not None and mac is not None:
            await self._send(target.node, near, mac)
            return Woken(self._here.node, write_mac(mac), AT_MOST)
        ask = WakeAsk(node=target.node)
        others = self._others(target)[:ASKED_AT_MOST]
        told = await asyncio.gather(*(self._ask(other.node, ask) for other in others))
        for other, said in zip(others, told, strict=True):
            if isinstance(said, WakeTold) and said.near:
                sent = await self._here.ask(other.node, WakeAsk(node=ask.node, send=True), ASK_SECONDS)
                if isinstance(sent, WakeTold) and sent.sent:
                    return Woken(other.node, sent.mac, sent.sent)
                raise ChannelError(f"{other.node} sent none: {getattr(sent, 'reason', '') or 'it does not say why'}")
        raise ChannelError(self._why_nobody(target, near, mac, len(others)))

    def _why_nobody(self, target: Target, near: Segment | None, mac: bytes | None, asked: int) -> str:
        if near is not None and mac is None:
            return f"its network card is not known here: give nodes.{target.node}.mac_address in config.json"
        whom = "no member that is there" if asked else "this machine is not, and no other member is there to ask"
        there = f"give nodes.{target.node}.mac_address in config.json on a member beside it"
        return f"{whom} is on the network segment of {target.node} and knows its network card: {there}"

    async def _ask(self, node: str, ask: WakeAsk) -> object:
        try:
            return await self._here.ask(node, ask, ASK_SECONDS)
        except ChannelError as error:
            return error

    async def _asked(self, sender: str, ask: WakeAsk) -> WakeTold:
        target = self._here.target(ask.node)
        if target is None:
            return WakeTold(near=False, reason=f"{ask.node} is no member that this node knows")
        mac = self._mac(target)
        near = await asyncio.to_thread(_segment_of, _hosts(target))
        if near is None or mac is None:
            return WakeTold(near=False, reason="not on its segment" if near is None else "its card is not known here")
        if not ask.send:
            return WakeTold(near=True, mac=write_mac(mac))
        asker = self._askers.setdefault((sender, ask.node), TokenBucket(ASKER_AT_ONCE, 1 / ASKER_EVERY))
        if wait := asker.take(self._here.monotonic()):
            reason = f"packets for it were sent for {sender} a few times; again in {wait:.0f} s"
            return WakeTold(near=True, mac=write_mac(mac), reason=reason)
        try:
            await self._send(ask.node, near, mac)
        except ChannelError as error:
            asker.give()  # nothing was sent
            return WakeTold(near=True, mac=write_mac(mac), reason=str(error)[:200])
        self._here.count("woke_for_peer", peer=sender, reason=ask.node)
        return WakeTold(near=True, mac=write_mac(mac), sent=AT_MOST)

    async def _send(self, node: str, segment: Segment, mac: bytes) -> None:
        bucket = self._buckets.setdefault(node, TokenBucket(AT_ONCE, 1 / EVERY))
        if wait := bucket.take(self._here.monotonic()):
            raise ChannelError(f"packets for it were sent just now; again in {wait:.0f} s")
        try:
            await send_magic(segment, mac, AT_MOST)
        except OSError as error:
            bucket.give()
            raise ChannelError(f"no packet can be sent on {segment.network}: {error.strerror}") from None

    def _mac(self, target: Target) -> bytes | None:
        return read_mac(target.configured.mac_address) or self._cards.of(target.node)

    def _others(self, target: Target) -> Sequence[Target]:
        return [other for other in self._here.targets() if other.is_there and other.node != target.node]

    def _is_there(self, node: str) -> bool:
        target = self._here.target(node)
        return target is not None and target.is_there

    async def _note_cards(self) -> None:
        wait = CARDS_FIRST
        while True:
            await asyncio.sleep(wait)
            wait = CARDS_EVERY
            there = {
                target.node: _numbers(self._here.met_at(target.node))
                for target in self._here.targets()
                if target.is_there
            }
            if there:
                await asyncio.to_thread(self._cards.note, there, await asyncio.to_thread(cards_seen))


def _segment_of(hosts: Sequence[str]) -> Segment | None:
    return segment_with(hosts, segments())


def _hosts(target: Target) -> tuple[str, ...]:
    """Its addresses of IPv4, which alone has broadcasts, without the ports."""
    return _numbers((*target.addresses, target.configured.lan_ip, target.configured.host))


def _numbers(addresses: Sequence[str]) -> tuple[str, ...]:
    found = []
    for address in addresses:
        try:
            found.append(str(ipaddress.IPv4Address(split_address(address)[0])))
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))
