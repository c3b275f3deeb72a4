"""All connections of this node to other daemons: at most four to one peer, by whatever address and for whatever use.

One that is being opened counts as one that is used, kept or being closed does. Whoever finds no room waits in line; it
sets its own deadline by being cancelled, and holds nothing meanwhile, so that nobody waits for a waiting one.
"""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType

from multifleet.channels.http_connection import Connection
from multifleet.config import split_address

CONNECTIONS_TO_A_PEER = 4
IDLE_SECONDS = 40.0
"""Below the server's 45 s, so that the side that opened a connection is the one that closes it."""


@dataclass(slots=True, eq=False)
class _Place:
    """Room for one connection, from before it is opened until it is gone."""

    party: str
    address: str
    connection: Connection | None = None
    kept_since: float | None = None
    """Since when nobody uses it; None while somebody does."""
    timer: asyncio.TimerHandle | None = None
    """Looks whether it has been kept for long enough; it stays while the place is used, for each message uses one."""
    is_closing: bool = False

    def forget_time(self) -> None:
        """It is kept no more."""
        self.kept_since = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass(slots=True, eq=False)
class _Want:
    """Somebody who waits for a place."""

    party: str
    address: str
    got: asyncio.Future[_Place] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Connections:
    """One for the node; everything that speaks HTTP to a peer borrows from it."""

    def __init__(self) -> None:
        self._places: dict[str, list[_Place]] = {}
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._waiting: list[_Want] = []

    def know(self, node: str, addresses: tuple[str, ...]) -> None:
        """Learn all addresses of a peer: what goes there without a name goes to it."""
        self._addresses[node] = addresses

    def borrow(self, address: str, node: str | None = None, seconds: float | None = None) -> "Loan":
        """A connection to an address of a peer, for one user alone; kept for the next one if it is open at the end.

        `seconds` are for opening it. TimeoutError, OSError or ValueError (no address) where there is none to be had.
        """
        return Loan(self, node or self._owner(address), address, seconds)

    async def lend(self, party: str, address: str, seconds: float | None) -> tuple[_Place, Connection]:
        """A place whose connection is open, for one user, who gives it back or closes it."""
        place = None if self._waiting else self._free_place(party, address)
        if place is None:
            place = await self._wait_for_place(party, address)
        if place.connection is None:
            try:
                place.connection = await self._open(place, seconds)
            except BaseException:
                self.close_one(place)
                raise
        return place, place.connection

    def close(self) -> None:
        """Close all of them now."""
        for places in list(self._places.values()):
            for place in list(places):
                self.close_one(place)

    def let_go(self, node: str) -> int:
        """Close what is kept for a peer and not in use; how many that were."""
        kept = [place for place in self._places.get(node, ()) if place.kept_since is not None]
        for place in kept:
            self.close_one(place)
        return len(kept)

    def _owner(self, address: str) -> str:
        """The peer that has an address, else the address itself: an id has no colon."""
        return next((node for node, addresses in self._addresses.items() if address in addresses), address)

    async def _wait_for_place(self, party: str, address: str) -> _Place:
        want = _Want(party, address)
        self._waiting.append(want)
        self._serve()
        try:
            return await want.got
        except asyncio.CancelledError:
            if want.got.done() and not want.got.cancelled():
                self.give_back(want.got.result())
            elif want in self._waiting:
                self._waiting.remove(want)
            raise

    def _serve(self) -> None:
        """Give places to those who wait, first come first served; who waits for another peer is no hindrance."""
        still = []
        for want in self._waiting:
            if want.got.done():
                continue
            place = self._free_place(want.party, want.address)
            if place is None:
                still.append(want)
            else:
                want.got.set_result(place)
        self._waiting = still

    def _free_place(self, party: str, address: str) -> _Place | None:
        places = self._places.setdefault(party, [])
        for place in reversed(places):
            is_kept = place.kept_since is not None and place.address == address
            if is_kept and place.connection and place.connection.is_open:
                place.kept_since = None
                return place
        if self._count(party) < CONNECTIONS_TO_A_PEER:
            place = _Place(party, address)
            places.append(place)
            return place
        # Room for this address is made by what is kept for another one; whoever waits is served when it is gone.
        oldest = next((place for place in places if place.kept_since is not None), None)
        if oldest is not None and not any(place.is_closing for place in places):
            self.close_one(oldest)
        return None

    def _count(self, party: str) -> int:
        unnamed = (len(self._places.get(address, ())) for address in self._addresses.get(party, ()))
        return len(self._places.get(party, ())) + sum(unnamed)

    async def _open(self, place: _Place, seconds: float | None) -> Connection:
        host, port = split_address(place.address)
        async with asyncio.timeout(seconds):
            return await Connection.connect(host, port, place.address, lambda: self._gone(place))

    def give_back(self, place: _Place) -> None:
        """Its user needs it no more; it is kept if its connection is open."""
        if place.connection is None or not place.connection.is_open:
            self.close_one(place)
            return
        loop = asyncio.get_running_loop()
        place.kept_since = loop.time()
        if place.timer is None:
            place.timer = loop.call_later(IDLE_SECONDS, self._look_at, place)
        if self._waiting:
            self._serve()

    def _look_at(self, place: _Place) -> None:
        """Close it, or look again when it may have been kept for long enough."""
        place.timer = None
        if place.kept_since is None:
            return
        loop = asyncio.get_running_loop()
        left = place.kept_since + IDLE_SECONDS - loop.time()
        if left > 0:
            place.timer = loop.call_later(left, self._look_at, place)
        else:
            self.close_one(place)

    def close_one(self, place: _Place) -> None:
        """Close its connection now, whatever it is used for."""
        place.is_closing = True
        place.forget_time()
        if place.connection is not None:
            place.connection.close()  # its end is told
        else:
            # One that was never whole tells nothing; what is left of it is closed in this turn of the loop.
            asyncio.get_running_loop().call_soon(self._gone, place)

    def _gone(self, place: _Place) -> None:
        """The socket of a place is closed."""
        places = self._places.get(place.party, [])
        if place not in places:
            return
        places.remove(place)
        place.forget_time()
        if not places:
            del self._places[place.party]
        self._serve()


@dataclass(slots=True, eq=False)
class Loan:
    """One connection for the time of an `async with`; a class, for each message borrows one and a generator costs it
    five times as much."""

    connections: Connections
    party: str
    address: str
    seconds: float | None
    place: _Place | None = None

    async def __aenter__(self) -> Connection:
        self.place, connection = await self.connections.lend(self.party, self.address, self.seconds)
        return connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.place is not None
        if kind is None:
            self.connections.give_back(self.place)
        else:
            self.connections.close_one(self.place)
