"""The latest state of messages under way, in memory, for who waits for one. The store has the whole story."""

import asyncio
from collections import OrderedDict

from multifleet.core.receipts import State, hopeless, reached
from multifleet.node.events import Events

REMEMBERED = 50_000


class Tracker:
    """What is known of messages sent since the daemon started, or asked about."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._states: OrderedDict[str, tuple[str, State]] = OrderedDict()
        self._waiters: dict[str, list[tuple[State, asyncio.Future[None]]]] = {}

    def stated(self, message_id: str, peer: str, state: State) -> None:
        """A message to this peer got into this state; nobody else's word counts for it."""
        known = self._states.get(message_id)
        if known is not None and known[0] != peer:
            return
        self._states[message_id] = (peer, state)
        if known is None and len(self._states) > REMEMBERED:
            self._states.popitem(last=False)
        for wanted, waiter in self._waiters.get(message_id, ()):
            if not waiter.done() and _settled(state, wanted):
                waiter.set_result(None)
        self._events.happened(message_id)

    def state(self, message_id: str) -> State | None:
        """The latest state; None where nothing is remembered."""
        known = self._states.get(message_id)
        return known[1] if known else None

    async def until(self, message_id: str, wanted: State, timeout: float | None = None) -> State | None:
        """Wait until the state is reached or can no more be; the state then, or at the end of `timeout` seconds."""
        state = self.state(message_id)
        if state is not None and _settled(state, wanted):
            return state
        waiter = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(message_id, [])
        waiters.append((wanted, waiter))
        try:
            if timeout is None:
                await waiter
            else:
                await asyncio.wait([waiter], timeout=timeout)
        finally:
            waiters.remove((wanted, waiter))
            if not waiters:
                self._waiters.pop(message_id, None)
        return self.state(message_id)


def _settled(state: State, wanted: State) -> bool:
    return reached(state, wanted) or hopeless(state, wanted)
