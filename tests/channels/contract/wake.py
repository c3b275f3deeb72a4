"""Magic packets on the sleeper's own segment."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

import pytest

from multifleet.channels import wake
from multifleet.channels.base import Target
from multifleet.channels.segments import Segment
from multifleet.channels.wake import WakeChannel
from multifleet.config import NodeEntry
from tests.channels.contract.scene import Peer, Scene
from tests.channels.here import here

CARD = "02:00:00:00:00:11"
SEGMENT = Segment(IPv4Address("192.0.2.10"), IPv4Network("192.0.2.0/24"))


class Maker:
    """mac2 sleeps on this machine's segment; what comes to it are packets for its card."""

    name = "wake"
    lacks: ClassVar[dict[str, str]] = {
        "impostor": "a magic packet says nothing to anybody but the card it names, and gets no answer"
    }

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._packets: list[bytes] = []
        self._near = True
        self._wakes = True
        patch = scene.stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(wake, "segments", lambda: [SEGMENT] if self._near else [])
        patch.setattr(wake, "send_magic", self._send)

    async def channel(self, stack: AsyncExitStack) -> WakeChannel:
        channel = WakeChannel()
        await channel.start(stack, here(self._scene.home, targets=lambda: [self._target(bool(self._packets))]))
        return channel

    async def working(self) -> Peer:
        return Peer(self._target(), self._got)

    async def silent(self) -> Peer:
        self._wakes = False
        return Peer(self._target(), self._got)

    async def refusing(self) -> Peer:
        self._near = False
        return Peer(self._target(), self._got)

    def _target(self, is_there: bool = False) -> Target:
        awake = is_there and self._wakes
        return Target("mac2", ("192.0.2.11:8855",), NodeEntry(mac_address=CARD), is_there=awake)

    async def _send(self, segment: Segment, mac: bytes, count: int) -> None:
        self._packets += [mac] * count

    async def _got(self) -> Sequence[bytes]:
        return self._packets
