"""What came of the demo, by the nodes' own word: every message's states, and whether each arrived once."""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from multifleet.demo.fleet_node import FleetNode

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that the demo sent."""

    id: str
    sender: FleetNode
    recipient: FleetNode


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of one message at the end."""

    id: str
    from_: str
    to: str
    states: tuple[str, ...]
    receipts: int
    good: int
    copies: int

    @property
    def fault(self) -> str | None:
        """What is wrong with it, if anything is."""
        if self.copies != 1:
            return f"{self.copies} copies in the inbox"
        if "stored" not in self.states:
            return "no receipt of its arrival"
        if self.good != self.receipts:
            return f"{self.receipts - self.good} bad signatures"
        return None


async def examine(sent: Sequence[Sent]) -> list[Arrival]:
    """Ask every sender for the verified trace, and every recipient what it holds."""
    copies: Counter[tuple[str, str]] = Counter()
    for node in {message.recipient.name: message.recipient for message in sent}.values():
        listing = await node.ask("inbox", "--limit", "1000")
        copies.update((node.name, found["id"]) for found in listing["messages"])
    room = asyncio.Semaphore(AT_ONCE)

    async def one(message: Sent) -> Arrival:
        async with room:
            trace = await message.sender.ask("trace", message.id, "--verify")
        return _arrival(trace, copies[message.recipient.name, message.id])

    return await asyncio.gather(*map(one, sent))


def arrivals_table(arrivals: Sequence[Arrival]) -> list[str]:
    """A line for each message."""
    ways = [f"{arrival.from_} -> {arrival.to}" for arrival in arrivals]
    width = max(map(len, ways), default=0)
    arrow = " \u2192 " if _can_print("\u2192") else " > "
    return [
        f"{arrival.id}  {way:<{width}}  {arrow.join(arrival.states)}"
        + (f"  !! {arrival.fault}" if arrival.fault else "")
        for arrival, way in zip(arrivals, ways, strict=True)
    ]


def _arrival(trace: dict[str, Any], copies: int) -> Arrival:
    events = trace["events"]
    return Arrival(
        id=trace["id"],
        from_=trace["from"],
        to=trace["to"],
        states=tuple(dict.fromkeys(event["state"] for event in events)),
        receipts=len(events),
        good=sum(event["verified"] is True for event in events),
        copies=copies,
    )


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
