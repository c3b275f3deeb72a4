"""The latest state of messages under way, in memory, for those who wait for one. The store has the whole story."""

import asyncio
from collections import OrderedDict

from multifleet.core.receipts import State, hopeless, reached
from multifleet.node.events import Events

REMEMBERED = 50_000


class Tracker:
    """What is known of messages sent since the daemon started, or asked about."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._states: OrderedDict[str, State] = OrderedDict()
        self._peers: dict[str, str] = {}

    def stated(self, message_id: str, peer: str, state: State) -> None:
        """A message to this peer got into this state; nobody else's word counts for it."""
        if self._peers.setdefault(message_id, peer) != peer:
            return
        self._states[message_id] = state
        self._states.move_to_end(message_id)
        if len(self._states) > REMEMBERED:
            del self._peers[self._states.popitem(last=False)[0]]
        self._events.happened(message_id)

    def state(self, message_id: str) -> State | None:
        """The latest state; None where nothing is remembered."""
        return self._states.get(message_id)

    async def until(self, message_id: str, wanted: State, timeout: float | None = None) -> State | None:
        """Wait until the state is reached or can no more be; the state then, or at the end of `timeout` seconds."""
        if self._settled(message_id, wanted):
            return self._states[message_id]
        with self._events.watching(message_id) as event:
            if timeout is None:
                while not self._settled(message_id, wanted):
                    await event.wait()
                    event.clear()
                return self._states[message_id]
            try:
                async with asyncio.timeout(timeout):
                    while not self._settled(message_id, wanted):
                        await event.wait()
                        event.clear()
            except TimeoutError:
                pass  # the state so far is the answer
        return self._states.get(message_id)

    def _settled(self, message_id: str, wanted: State) -> bool:
        state = self._states.get(message_id)
        return state is not None and (reached(state, wanted) or hopeless(state, wanted))
