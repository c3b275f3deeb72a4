"""The act in which one way after the other goes dark while messages go on arriving, told as a table that grows."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from multifleet.demo.fleet_node import DemoFailed, FleetNode
from multifleet.demo.outcome import Sent
from multifleet.demo.teller import Teller
from multifleet.demo.ways import Way

SHOWN = ("nats", "http", "relay", "seed", "ssh", "git")
QUICK = ("nats", "http", "relay")
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
        self._cut: list[Way] = []
        self._dark: set[str] = set()
        self.sent: list[Sent] = []
        self.by: list[str] = []
        """The channel by which each message arrived, in order."""
        self.healed: float | None = None
        """Seconds after which all was well again; None where it was not in time."""
        self.left: dict[str, str] = {}
        """Channels that were not well again in time, and the last that was said of each."""

    async def play(self) -> None:
        """Everything goes dark, and comes back. Where that fails the ways are mended all the same, so that what has
        arrived can be asked for."""
        try:
            await self._play()
        except DemoFailed:
            while self._cut:
                with suppress(DemoFailed):
                    await self._mend()
            raise

    async def _play(self) -> None:
        await self._states_once(lambda states: not _ill(states, QUICK))
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
        self._cut.append(way)
        self._dark |= set(way.channels)

    async def _mend(self) -> None:
        """Every way that was cut, once."""
        while self._cut:
            await self._cut.pop().mend()
        self._dark.clear()

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
        self._show(await self._states(), arrival, done)

    def _show(self, states: dict[str, str], arrival: str, done: str) -> None:
        cells = "".join(f"{states.get(name, '-'):<{WIDTH}}" for name in SHOWN)
        self._teller.output(f"{cells}{arrival:<22}{done}".rstrip())

    async def _heal(self, waiting: str) -> None:
        began = time.monotonic()
        await self._mend()
        await self._row(await self._arrived(waiting, began), "everything is as it was")
        began = time.monotonic()
        states = await self._states_once(lambda states: not what_is_left(states))
        took = time.monotonic() - began
        left = what_is_left(states)
        if left:
            self.left = await self._last_words()
        else:
            self.healed = round(took, 1)
        self._show(states, "", f"{took:.0f} s later" if left else f"all is well {took:.0f} s later, by itself")
        for line in left:
            self._teller.say(line)

    async def _last_words(self) -> dict[str, str]:
        listing = await self._sender.ask("channels", self._recipient.name)
        return {
            row["channel"]: f"{row['state']}: {row['last_error']}"
            for row in listing["channels"]
            if what_is_left({row["channel"]: row["state"]})
        }

    async def _states_once(self, are_good: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """The states as soon as they are good, at the latest after HEALS_WITHIN seconds."""
        until = time.monotonic() + HEALS_WITHIN
        while not are_good(states := await self._states()) and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY)
        return states

    async def _states(self) -> dict[str, str]:
        """As the sender has them; what was made dark is called so."""
        listing = await self._sender.ask("channels", self._recipient.name)
        found = {row["channel"]: row["state"] for row in listing["channels"]}
        return found | dict.fromkeys(self._dark & found.keys(), DARK)


def what_is_left(states: dict[str, str]) -> list[str]:
    """What is to be said of the channels that are not well at the end; one of those that only park frames is well when
    nothing stands against it."""
    left = {name: states[name] for name in _ill(states, SHOWN) if name in states}
    said = []
    if late := [name for name in left if name in QUICK]:
        said.append(f"Not well within {HEALS_WITHIN:g} s: {', '.join(late)}. A busy machine takes longer.")
    if broken := [name for name in left if left[name] == "broken"]:
        said.append(f"Broken are still {', '.join(broken)}: they are probed by themselves, at most 20 s apart.")
    if doubted := [name for name in left if left[name] == "degraded"]:
        said.append(f"Degraded are still {', '.join(doubted)}: they are used, and probed by themselves.")
    return said


def _ill(states: dict[str, str], names: Sequence[str]) -> list[str]:
    return [name for name in names if states.get(name) != "healthy"]
