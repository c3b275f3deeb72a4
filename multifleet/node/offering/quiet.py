"""Which seats are not to be disturbed, until when. What is kept from a session waits in the inbox as ever."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from multifleet.core.quiet import quiet_until, when_over
from multifleet.errors import BadInput, UnknownSeat
from multifleet.node.clock import NodeClock
from multifleet.store.store import Store

NOTE = "quiet_seats"
"""The key in the store: seat -> wall-clock seconds, or null until it is turned off."""


class Quiet:
    """One for the node; `has` says whether there is a seat of that name."""

    def __init__(self, store: Store, clock: NodeClock, has: Callable[[str], bool]) -> None:
        self._store = store
        self._clock = clock
        self._has = has
        self._until: dict[str, float | None] = {}

    async def load(self) -> None:
        """What an earlier run was told."""
        noted = await self._store.meta.get(NOTE)
        self._until = msgspec.json.decode(noted, type=dict[str, float | None]) if noted else {}

    def covers(self, seat: str | None) -> bool:
        """Whether sessions on this seat are left alone now."""
        if seat is None or seat not in self._until:
            return False
        until = self._until[seat]
        return until is None or self._clock.wall() < until

    def until(self, seat: str) -> float | None:
        """When it ends; None also where only somebody's word ends it."""
        return self._until.get(seat) if self.covers(seat) else None

    def now(self) -> frozenset[tuple[str, float | None]]:
        """Which seats are left alone now, and until when."""
        return frozenset(one for one in self._until.items() if self.covers(one[0]))

    def words(self) -> tuple[str, ...]:
        """One line for each seat that is left alone now, with how that ends."""
        return tuple(
            f"seat {seat}, {when_over(until)}; alerts pass: multifleet seat dnd {seat} --off ends it"
            for seat, until in sorted(self._until.items())
            if self.covers(seat) and self._has(seat)
        )

    async def set(self, seat: str, words: str | None, *, off: bool) -> None:
        """Leave a seat alone, until a moment in a person's words or until told otherwise; or no more."""
        if not self._has(seat):
            raise UnknownSeat(f"no seat {seat!r} here: multifleet seats lists those that there are")
        if off and words is not None:
            raise BadInput("say either until when, or off")
        moment = self._moment(words) if words is not None else None
        self._until = {name: until for name, until in self._until.items() if name != seat and self._has(name)}
        if not off:
            self._until[seat] = moment
        noted = msgspec.json.encode(self._until).decode() if self._until else None
        await self._store.meta.set(NOTE, noted)

    def _moment(self, words: str) -> float:
        try:
            here = datetime.fromtimestamp(self._clock.wall(), UTC).astimezone().replace(tzinfo=None)
            return quiet_until(words, here).timestamp()
        except (ValueError, OverflowError):
            raise BadInput(
                f"{words!r} is no time to come: write 30m, 2h, 1d, a time of day such as 18:30, or 2026-11-30 08:00"
            ) from None
