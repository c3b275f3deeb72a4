"""Messages that a peer holds and has more to state about, and when it is asked for that, should it keep silent."""

from collections.abc import Iterator

from multifleet.node.delivery.outbox_queue import IN_MEMORY

POLL_FIRST, POLL_LAST = 5.0, 60.0
"""Seconds of silence after which a peer is asked what it has to state about messages that it holds."""


class Awaited:
    """Those of one peer, by id; moments are monotonic."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self.over: set[str] = set()
        """Of messages whose request is not answered yet: those about which nothing more is expected."""
        self._delay = POLL_FIRST
        self.poll_at = 0.0

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, message_id: str) -> None:
        """The peer has it; beyond a limit the oldest are forgotten, whose statements come by themselves."""
        if message_id in self.over:
            self.over.discard(message_id)
            return
        self._ids[message_id] = None
        if len(self._ids) > IN_MEMORY:
            del self._ids[next(iter(self._ids))]

    def ended(self, message_id: str, *, is_under_way: bool) -> None:
        """Nothing more is expected about it; `is_under_way`: its request is not answered yet."""
        if is_under_way:
            self.over.add(message_id)
        self._ids.pop(message_id, None)

    def drop(self, message_id: str) -> None:
        """Its time is over."""
        self.over.discard(message_id)
        self._ids.pop(message_id, None)

    def is_due(self, now: float) -> bool:
        """Whether the peer is to be asked."""
        return bool(self._ids) and now >= self.poll_at

    def answered(self, now: float, *, had_messages: bool) -> None:
        """The peer has answered a request: it is asked later, and ever later while nothing goes there."""
        self._delay = POLL_FIRST if had_messages else min(POLL_LAST, 2 * self._delay)
        self.poll_at = now + self._delay

    def not_before(self, moment: float) -> None:
        """Until then nothing is sent to the peer."""
        self.poll_at = max(self.poll_at, moment)
