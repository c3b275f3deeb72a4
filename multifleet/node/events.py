"""Who waits for what: a message's next state, or a peer being heard. In-process only; the truth is in the store."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Events:
    """Wakes the tasks that wait for a subject (a message id, say)."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def happened(self, subject: str) -> None:
        """Something changed about the subject."""
        for event in self._waiting.get(subject, ()):
            event.set()

    @contextmanager
    def watching(self, subject: str) -> Iterator[asyncio.Event]:
        """An event that is set at each change; clear it before looking, so that no change is missed."""
        event = asyncio.Event()
        self._waiting[subject].add(event)
        try:
            yield event
        finally:
            self._waiting[subject].discard(event)
            if not self._waiting[subject]:
                del self._waiting[subject]
