"""A fault that is in place until it is undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Fault:
    """A fault already in place. `undo()` removes it, and so does leaving its `with` block."""

    what: str
    _undo: list[Callable[[], object]] = field(default_factory=list)

    def undo(self) -> None:
        """Remove the fault; a second call does nothing."""
        while self._undo:
            self._undo.pop()()

    def __enter__(self) -> Fault:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()
