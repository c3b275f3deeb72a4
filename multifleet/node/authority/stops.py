"""Where nothing is shown to sessions now, because its user, or a captain for the whole fleet, has said stop.

What comes meanwhile is taken and kept; it is shown once that is over. The word for the fleet is a document of the
roster, so that machines that were away learn of it; those for this machine and its seats are kept here alone.
"""

import time
from collections.abc import Awaitable, Callable

import msgspec

from multifleet.core.roster_view import Stopped
from multifleet.errors import BadInput, UnknownSeat
from multifleet.node.clock import NodeClock
from multifleet.node.roster.rostering import Rostering
from multifleet.store.meta import Meta

NOTE, HERE = "stopped", "*"
"""The key in the store (seat, or `*` for the machine: since when, in wall-clock seconds), and the machine in it."""
KEPT = "its recipient is stopped: it is kept, and shown once that is over"
"""What a sender is told, with `stored`, of mail for whoever is stopped."""
STOPPED = "it was taken back, because its recipient is stopped"


class Stops:
    """One for the node; `load` before anything else."""

    def __init__(
        self,
        meta: Meta,
        clock: NodeClock,
        rostering: Rostering,
        *,
        has: Callable[[str], bool],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        """`has` says whether there is a seat of that name; `changed` is told of each decision."""
        self._meta = meta
        self._clock = clock
        self._rostering = rostering
        self._has = has
        self._changed = changed
        self._since: dict[str, float] = {}

    async def load(self) -> None:
        """What an earlier run was told."""
        noted = await self._meta.get(NOTE)
        self._since = msgspec.json.decode(noted, type=dict[str, float]) if noted else {}

    def covers(self, seat: str | None) -> bool:
        """Whether nothing is shown to sessions on this seat; None: of what is for the node alone."""
        return HERE in self._since or seat in self._since or self._stopped() is not None

    async def decide(self, seat: str | None, *, everywhere: bool, undo: bool) -> None:
        """Stop a seat, this machine (None) or the whole fleet, or let it go on."""
        if seat is not None and everywhere:
            raise BadInput("say either a seat of this machine, or all of the fleet")
        if everywhere:
            await self._rostering.take([self._rostering.own.stop(stopped=not undo)])
        else:
            await self._decide_here(seat, undo=undo)
        await self._changed()

    async def _decide_here(self, seat: str | None, *, undo: bool) -> None:
        if seat is not None and not undo and not self._has(seat):
            raise UnknownSeat(f"no seat {seat!r} here: multifleet seats lists those that there are")
        since = {name: at for name, at in self._since.items() if name != (seat or HERE)}
        if not undo:
            since[seat or HERE] = self._since.get(seat or HERE, self._clock.now())
        await self._meta.set(NOTE, msgspec.json.encode(since).decode() if since else None)
        self._since = since

    def _stopped(self) -> Stopped | None:
        return self._rostering.view.stopped(round(self._clock.now() * 1000))

    def words(self) -> tuple[str, ...]:
        """One line for each thing that is stopped, with how it goes on."""
        said = []
        stopped = self._stopped()
        if stopped is not None:
            how = "multifleet stop --all --undo on a captain"
            said.append(f"the whole fleet, since {_moment(stopped.at / 1000)}, by {stopped.node}: {how} lets it go on")
        for name, at in sorted(self._since.items()):
            what = "this machine" if name == HERE else f"seat {name}"
            option = "" if name == HERE else f" --seat {name}"
            said.append(f"{what}, since {_moment(at)}: multifleet stop{option} --undo lets it go on")
        return tuple(said)


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(min(at, 1e11)))
