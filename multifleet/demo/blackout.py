"""The act in which one way after the other goes dark while messages go on arriving, told as a table that grows."""

import asyncio
import time
from collections.abc import Callable, Sequence

from multifleet.demo.fleet_node import DemoFailed, FleetNode
from multifleet.demo.outcome import Sent
from multifleet.demo.teller import Teller
from multifleet.demo.ways import Way

SHOWN = ("nats", "http", "relay", "seed", "ssh", "git")
WIDTH = 9
ARRIVES_WITHIN = 25.0
HEALS_WITHIN = 45.0
LOOK_EVERY = 0.3
DARK = "dark"


class Blackout:
    """From one node to another; what was sent is kept."""

    def __init__(self, sender: FleetNode, recipient: FleetNode, ways: Sequence[Way], teller: Teller) -> None:
        self._sender = sender
        self._recipient = recipient
        self._ways = list(ways)
        self._teller = teller
        self._dark: set[str] = set()
        self.sent: list[Sent] = []
        self.by: list[str] = []
        """The channel by which each message arrived, in order."""
        self.healed: float | None = None
        """Seconds after which every channel worked again."""

    async def play(self) -> None:
        """Everything goes dark, and comes back."""
        await self._wait_for_all()
        self._teller.output("".join(f"{name:<{WIDTH}}" for name in SHOWN) + "a message arrives")
        await self._write("")
        # What brought it goes dark first, so that it is seen to be missed.
        self._ways.sort(key=lambda way: tuple(way.channels) != (self.by[0],))
        for way in self._ways[:-1]:
            await self._darken(way)
            await self._write(way.done)
        await self._darken(self._ways[-1])
        waiting = await self._send()
        story = await self._sender.ask("trace", waiting)
        await self._row(f"it waits: {story['state']}", self._ways[-1].done)
        await self._heal(waiting)

    async def _darken(self, way: Way) -> None:
        await way.cut()
        self._dark |= set(way.channels)

    async def _write(self, done: str) -> None:
        began = time.monotonic()
        message = await self._send()
        await self._row(await self._arrived(message, began), done)

    async def _send(self) -> str:
        number = len(self.sent) + 1
        accepted = await self._sender.ask("send", self._recipient.name, f"message {number} of the blackout")
        self.sent.append(Sent(accepted["id"], self._sender, self._recipient))
        return str(accepted["id"])

    async def _arrived(self, message: str, began: float) -> str:
        await self._sender.run("trace", message, "--wait", "stored", "--timeout", f"{ARRIVES_WITHIN:g}")
        took = time.monotonic() - began
        story = await self._sender.ask("trace", message)
        by = next(event["channel"] or "?" for event in story["events"] if event["state"] == "stored")
        self.by.append(by)
        return f"by {by} in {took:.1f} s"

    async def _row(self, arrival: str, done: str) -> None:
        states = await self._states()
        cells = "".join(f"{states.get(name, '-'):<{WIDTH}}" for name in SHOWN)
        self._teller.output(f"{cells}{arrival:<22}{done}".rstrip())

    async def _heal(self, waiting: str) -> None:
        began = time.monotonic()
        for way in reversed(self._ways):
            await way.mend()
        self._dark.clear()
        await self._row(await self._arrived(waiting, began), "everything is as it was")
        took = await self._wait_for_all()
        self.healed = round(took, 1)
        await self._row("", f"the quick ways are well {took:.0f} s later, by themselves")

    async def _wait_for_all(self) -> float:
        """Seconds until the quick channels are healthy."""
        began = time.monotonic()

        def well(states: dict[str, str]) -> bool:
            return all(states.get(name) == "healthy" for name in ("nats", "http", "relay"))

        return await self._until(well, began)

    async def _until(self, true: Callable[[dict[str, str]], bool], began: float) -> float:
        while not true(states := await self._states()):
            if time.monotonic() - began > HEALS_WITHIN:
                raise DemoFailed(f"not well after {HEALS_WITHIN:g} s: {states}")
            await asyncio.sleep(LOOK_EVERY)
        return time.monotonic() - began

    async def _states(self) -> dict[str, str]:
        """As the sender has them; what was made dark is called so."""
        listing = await self._sender.ask("channels", self._recipient.name)
        found = {row["channel"]: row["state"] for row in listing["channels"]}
        return found | dict.fromkeys(self._dark & found.keys(), DARK)
