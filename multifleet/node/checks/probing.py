"""Asks every peer at once whether it is there: one signed round trip each, which also tells its time."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multifleet.node.node import Node

ANSWER_SECONDS = 1.2


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back from one peer; `reason` is why nothing did, `seconds` how long the answer took."""

    reason: str | None
    seconds: float


async def probe_peers(node: "Node") -> dict[str, Answered]:
    """An answer for each peer, all of them within ANSWER_SECONDS; none while the daemon is only starting."""
    if not node.is_running:
        return {}
    others = [member.node for member in node.members.others()]
    answers = await asyncio.gather(*(_ask(node, peer) for peer in others))
    return dict(zip(others, answers, strict=True))


async def _ask(node: "Node", peer: str) -> Answered:
    started = node.clock.monotonic()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            ended = await node.delivery.deliver(peer, (), (), alone=True)
    except TimeoutError:
        return Answered(f"no answer in {ANSWER_SECONDS:g} s", ANSWER_SECONDS)
    return Answered(None if ended.answered else ended.reason, node.clock.monotonic() - started)
