"""A node as a channel sees it that remembers what the channel did, and runs its loops."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from multifleet.channels.base import ChannelError, Target
from multifleet.config import Config
from tests.channels.here import here


class HereNow:
    """`here` is what the channel is given."""

    def __init__(
        self, home: Path, config: Config | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.targets: list[Target] = []
        self.received: list[tuple[bytes, str, str, bool]] = []
        self.statuses: list[int] = []
        """How the next frames are answered, which else are taken."""
        self.told: dict[str, msgspec.Struct] = {}
        self.served: dict[type[msgspec.Struct], Callable[[str, Any], Any]] = {}
        self.asked: list[tuple[str, float]] = []
        """Who was asked, and when."""
        self.counts: Counter[str] = Counter()
        self.reasons: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.here = here(
            home,
            config=config or Config(),
            receive=self._receive,
            targets=lambda: self.targets,
            ask=self._ask,
            serve=self.served.__setitem__,
            spawn=self._spawn,
            count=self._count,
            monotonic=monotonic,
        )

    async def _receive(self, frame: bytes, where: str, channel: str, at_rest: bool) -> tuple[int, bytes]:
        self.received.append((frame, where, channel, at_rest))
        return self.statuses.pop(0) if self.statuses else 200, b"mf1 answer"

    async def _ask(self, peer: str, packet: msgspec.Struct, seconds: float) -> msgspec.Struct:
        self.asked.append((peer, self.here.monotonic()))
        if peer not in self.told:
            raise ChannelError("nothing answers")
        return self.told[peer]

    def _spawn(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.tasks.append(asyncio.create_task(run(), name=name))

    def _count(self, name: str, **facts: object) -> None:
        self.counts[name] += 1
        self.reasons.append(str(facts.get("reason", "")))

    async def aclose(self) -> None:
        """End the loops."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
