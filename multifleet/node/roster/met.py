"""With whom this node has compared rosters since it started: what was decided while it was off, it hears from these.

One answer is not enough: it may be that of the very machine that was put out meanwhile.
"""

from collections.abc import Container, Iterable

ENOUGH = 2


class Met:
    """One for the node."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ()
        self._met: set[str] = set()

    def start(self, members: Iterable[str]) -> None:
        """These are the other members that this node knew when it started."""
        self._known, self._met = tuple(sorted(members)), set()

    def note(self, node: str) -> None:
        """It was compared with to the end."""
        self._met.add(node)

    def lacking(self, members: Container[str]) -> list[str]:
        """Who is still to be asked, of those that are `members` now; nobody where enough of them were."""
        known = [node for node in self._known if node in members]
        unmet = [node for node in known if node not in self._met]
        return unmet if len(known) - len(unmet) < min(ENOUGH, len(known)) else []
