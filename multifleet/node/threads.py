"""The last number given in each thread, so that a message says which one it follows."""

from collections import OrderedDict

from multifleet.store.store import Store

REMEMBERED = 10_000
"""Threads; an older one is looked up in the store again."""


class Threads:
    """One for the node."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tails: OrderedDict[str, tuple[int, str | None]] = OrderedDict()

    async def know(self, key: str) -> None:
        """Look a thread up, if need be; afterwards `tail` knows it."""
        if key in self._tails:
            return
        tail = await self._store.outbox.thread_tail(key)
        self._tails.setdefault(key, tail)  # another caller may have been quicker, and gone on from there
        if len(self._tails) > REMEMBERED:
            self._tails.popitem(last=False)

    def tail(self, key: str) -> tuple[int, str | None]:
        """(last number, last message) of a thread that is known."""
        return self._tails[key]

    def add(self, key: str, n: int, message_id: str | None) -> None:
        """The thread's last number is now this one, and this message has it."""
        self._tails[key] = (n, message_id)
        self._tails.move_to_end(key)
