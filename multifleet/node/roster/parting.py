"""What becomes of all that was on its way to a machine that is out, and of what it had sent.

Its senders here are told that their messages do not arrive, and why. What it had sent is shown to no session any more
if it was put out; if it left by itself, its word still counts.
"""

from collections.abc import Awaitable, Callable

from multifleet.core.receipts import State
from multifleet.core.roster import Out
from multifleet.node.clock import NodeClock
from multifleet.node.counters import Counters
from multifleet.node.delivery.endings import Endings
from multifleet.node.enduring import tell
from multifleet.node.members import Member, Members
from multifleet.node.roster.words import me_out_words, out_words, refusal_words
from multifleet.store.rows import OutboxRow
from multifleet.store.store import Store

RETURNS = ("disputed", "orphaned")
"""How a machine may be out and come back with its keys once captains have decided: what waits for it waits on, so that
one captain gone bad does not empty all outboxes. Nothing is sent meanwhile, and no other key gets it."""
AT_ONCE = 500
"""Messages that are given up in one commit."""


class Parting:
    """One for the node."""

    def __init__(
        self,
        members: Members,
        store: Store,
        clock: NodeClock,
        counters: Counters,
        endings: Endings,
        *,
        entered: Callable[[Member], None],
        stop_sending: Callable[[str], Awaitable[None]],
        turn_away: Callable[[str, str], Awaitable[int]],
        renamed: Callable[[str], None],
    ) -> None:
        self._members = members
        self._store = store
        self._clock = clock
        self._counters = counters
        self._endings = endings
        self.entered = entered
        self._stop_sending = stop_sending
        self._turn_away = turn_away
        self._renamed = renamed
        self.given_up: dict[str, int] = {}
        """How many messages to each name were given up in this run."""

    async def parted(self, member: Member | None, out: Out) -> None:
        """A machine is out; its keys are dropped already."""
        words = out_words(out)
        if member is not None:
            self._counters.failed("member_out", node=out.node, how=out.how, reason=words)
        try:
            await self._stop_sending(out.node)
            if self._members.get(out.node) is None:
                if out.how not in RETURNS:
                    await self._give_up(out.node, words)
                if refusal_words(out) is not None:
                    await self._turn_away(out.node, words)
                if member is not None:
                    self._store.peers.presence_later(out.node, _state(out), self._clock.now(), words, 0)
        except Exception as error:  # noqa: BLE001  what could not be written now is done at the next start
            tell(self._counters, "parting_failed", out.node, error)

    async def replaced(self, out: Out) -> None:
        """Another machine gets the name of this one, and nothing of what was said to this one, or by it.

        StoreUnavailable where that cannot be written: then the other one is not to have the name yet.
        """
        words = out_words(out)
        self._counters.failed("name_has_another_key", node=out.node, before=out.key[:16], reason=words)
        await self._stop_sending(out.node)
        await self._give_up(out.node, words, out.key)
        if out.how != "left":
            await self._turn_away(out.node, words)
        self._renamed(out.node)

    async def expelled(self, out: Out) -> None:
        """This node itself is out: nobody takes what waits here."""
        words = me_out_words(out)
        self._counters.failed("expelled", how=out.how, reason=words)
        if out.how in RETURNS:
            return
        try:
            for member in list(self._members.others()):
                await self._give_up(member.node, words)
        except Exception as error:  # noqa: BLE001  what could not be written now expires in its own time
            tell(self._counters, "parting_failed", out.node, error)

    async def _give_up(self, node: str, words: str, key: str = "") -> None:
        """All that waits for a name, or what was accepted for one key of it."""
        after: tuple[int, int] | None = None
        while rows := await self._store.outbox.waiting(node, after, AT_ONCE):
            after = rows[-1].tier, rows[-1].row
            reasons = [(row.id, _reason(row, words)) for row in rows if not key or row.peer_key == key]
            if reasons:
                await self._endings.give_up(reasons, node, State.UNDELIVERABLE)
            self.given_up[node] = self.given_up.get(node, 0) + len(reasons)


def _reason(row: OutboxRow, words: str) -> str:
    return f"{words} (it may have arrived)" if row.unknown_outcome else words


def _state(out: Out) -> str:
    return "left" if out.how == "left" else "revoked"
