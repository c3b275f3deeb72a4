"""Messages of one peer that lie somewhere else than here, and that it has not confirmed. Touches no store."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from multifleet.node.delivery.outbox_queue import Waiting

PARKED_AGAIN = 600.0
"""Seconds after which what was parked, and not confirmed, is sent again."""


class Parked:
    """One for each peer."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}
        self.again_at = 0.0
        """When all of it is to be sent again."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def ids(self) -> AbstractSet[str]:
        return self._waiting.keys()

    def add(self, parked: Iterable[Waiting], now: float) -> None:
        """These lie elsewhere now; what lay there before waits as long as they do."""
        self._waiting.update((waiting.id, waiting) for waiting in parked)
        self.again_at = now + PARKED_AGAIN

    def take(self, message_id: str) -> bool:
        """Nothing more is expected of it; False where it was not parked."""
        return self._waiting.pop(message_id, None) is not None

    def take_all(self) -> list[Waiting]:
        """All of it, to be sent again."""
        taken, self._waiting = list(self._waiting.values()), {}
        return taken

    def is_due(self, now: float) -> bool:
        """Whether it has lain there for so long that it is to be sent again."""
        return bool(self._waiting) and now >= self.again_at
