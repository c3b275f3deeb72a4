"""A node as a channel sees it, for channels that are tested without one."""

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from multifleet.channels.base import ChannelError, Here, Target
from multifleet.config import Config


async def nothing_is_answered(node: str, question: msgspec.Struct, seconds: float) -> msgspec.Struct:
    """No peer tells anything."""
    raise ChannelError(f"{node} is not there")


async def all_is_taken(frame: bytes, where: str, channel: str, at_rest: bool) -> tuple[int, bytes]:
    """Every frame is taken."""
    return 200, b"mf1 taken"


async def nothing_waits(node: str) -> bytes | None:
    """For nobody."""
    return None


def here(home: Path = Path("/nonexistent"), **given: Any) -> Here:
    """A node without peers; `given` replaces what the test is about."""
    served: dict[type[msgspec.Struct], Callable[[str, Any], Awaitable[msgspec.Struct]]] = {}
    targets: list[Target] = []
    made: dict[str, Any] = {
        "node": "mac1",
        "fleet": lambda: "f" * 32,
        "home": home,
        "config": Config(),
        "receive": all_is_taken,
        "waiting_for": nothing_waits,
        "targets": lambda: targets,
        "met_at": lambda node: (),
        "chief": lambda: None,
        "ask": nothing_is_answered,
        "ask_over": lambda node, question, seconds, carry: nothing_is_answered(node, question, seconds),
        "serve": served.__setitem__,
        "spawn": lambda name, run: None,
        "count": lambda name, **facts: None,
        "now": time.time,
        "monotonic": time.monotonic,
        "random": os.urandom,
    }
    made |= given
    named = made["targets"]
    made.setdefault("target", lambda node: next((target for target in named() if target.node == node), None))
    return Here(**made)
