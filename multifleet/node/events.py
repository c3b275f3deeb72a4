"""Who waits for what: a message's next state, or any change at all. In-process only; the truth is in the store."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

INBOX = "inbox"
"""The subject of what was received, and of what a person read of it."""
ANYTHING = "anything"
"""The subject of whoever watches the whole picture."""


class Events:
    """Wakes the tasks that wait for a subject (a message id, say)."""

    def __init__(self) -> None:
        self.revision = 0
        """How much has happened; it differs between two moments if anything happened between them."""
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def happened(self, subject: str) -> None:
        """Something changed about the subject."""
        self.revision += 1
        for event in self._waiting.get(subject, ()):
            event.set()
        for event in self._waiting.get(ANYTHING, ()):
            event.set()

    async def changed(self, known: int, timeout: float) -> None:
        """Returns once the revision is another than the known one, or when the time is up."""
        with self.watching(ANYTHING) as event:
            if self.revision == known:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout):
                        await event.wait()

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
