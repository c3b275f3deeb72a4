"""Work that goes on beside a loop, at most one for each key; it ends with the loop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")


class KeyedTasks(Generic[K]):
    """Takes work while it runs."""

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, key: K) -> bool:
        return key in self._tasks

    @property
    def is_running(self) -> bool:
        """Whether it takes work."""
        return self._group is not None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None
            self._tasks.clear()

    def give_up(self, key: K) -> None:
        """Cancel what is done for a key, if anything is."""
        before = self._tasks.pop(key, None)
        if before is not None:
            before.cancel()

    def start(self, key: K, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do it; only while it runs, and where nothing is done for this key."""
        assert self._group is not None and key not in self._tasks
        task = self._tasks[key] = self._group.create_task(work, name=name)
        task.add_done_callback(lambda ended: self._ended(key, ended))

    def _ended(self, key: K, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
