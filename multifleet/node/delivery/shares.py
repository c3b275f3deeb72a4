"""How much of each sender's mail lies here, and whether more of it is taken."""

from collections.abc import Sequence

from multifleet.core.inbox_share import SHARE, over_share, weight
from multifleet.store.inbox import Inbox
from multifleet.store.rows import InboxRow


class Shares:
    """One for the node. It counts along, and looks into the store only at first, and for whom it would turn away."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._sizes: dict[str, int] | None = None

    async def no_room(self, sender: str, rows: Sequence[InboxRow]) -> str:
        """Why these are not taken, in words; empty where they are, or where all of them are here already."""
        more = sum(weight(row.body) for row in rows)
        if self._sizes is None or self._sizes.get(sender, 0) + more > SHARE:
            self._sizes = await self._inbox.shares()
        reason = over_share(self._sizes.get(sender, 0), more)
        if reason and all([await self._inbox.get(sender, row.id) for row in rows]):
            return ""
        return reason

    def took(self, sender: str, rows: Sequence[InboxRow], results: Sequence[str]) -> None:
        """These were handed to the store, with these results."""
        if self._sizes is not None:
            fresh = sum(weight(row.body) for row, result in zip(rows, results, strict=True) if result == "stored")
            self._sizes[sender] = self._sizes.get(sender, 0) + fresh
