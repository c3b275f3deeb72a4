"""Says of each message that came whether it is taken: its author proved, by the user's rules, within the budgets.

What is not taken is refused by name, and its sender has that signed. Nothing here stores a message.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from multifleet.core.budgets import Key, Limits, Spent, too_many_hops
from multifleet.core.fence import Authority
from multifleet.core.permission import Level, Rule, refusal
from multifleet.errors import BadInput
from multifleet.node.authority.persons import Persons
from multifleet.node.clock import NodeClock
from multifleet.node.offering.wishes import wish_of
from multifleet.store.meta import Meta
from multifleet.store.rows import InboxRow

RULES, SPENT = "seat_rules", "budgets_spent"
"""Keys of the rules, and of what was spent today, in the store."""
KEEP_EVERY = 16
"""Messages to a seat after which what was spent is written down; a crash forgets no more than these."""
RULES_LIMIT = 1_000
TO_SESSIONS = "single sessions"
"""What is for one session and no seat is counted as if it were for a seat of this name, which none can have."""


class NotTaken(Exception):
    """A message that is refused; the message says why."""


class Admission:
    """One for the node; `load` before anything else."""

    def __init__(
        self,
        persons: Persons,
        limits: Limits,
        meta: Meta,
        clock: NodeClock,
        why_it_waits: Callable[[InboxRow], str] = lambda row: "",
        governs: Callable[[str | None], str | None] = lambda seat: seat,
    ) -> None:
        """`why_it_waits`: what a sender is told, with `stored`, of a message that is not shown for now; else empty.
        `governs` names the seat whose rules hold for an address."""
        self._why_it_waits = why_it_waits
        self._governs = governs
        self._persons = persons
        self._limits = limits
        self._meta = meta
        self._clock = clock
        self._spent = Spent(limits)
        self._rules: list[Rule] = []

    async def load(self) -> None:
        """Take up what was kept."""
        rules = await self._meta.get(RULES)
        self._rules = msgspec.json.decode(rules, type=list[Rule]) if rules else []
        spent = await self._meta.get(SPENT)
        if spent:
            self._spent.restore(*msgspec.json.decode(spent, type=tuple[int, list[tuple[Key, int]]]), self._clock.now())

    async def admit(self, row: InboxRow, packet: bytes, pending: Mapping[Key, int]) -> InboxRow:
        """The row as it is to be stored; NotTaken says why it is not. `pending` as in `budgets`."""
        if self._rules and (why := refusal(self._rules, self._governs(row.seat), row.from_, row.type)):
            raise NotTaken(why)
        if row.authority == Authority.SYSTEM:  # what another machine says is never this node's own word
            row = msgspec.structs.replace(row, authority=Authority.AGENT.value)
        if row.authority == Authority.HUMAN:
            row = await self._persons.proved(row, packet)
        if waits := self._why_it_waits(row):
            row = msgspec.structs.replace(row, detail=waits)
        if row.authority != Authority.AGENT:
            return row
        why = too_many_hops(row.hops, self._limits)
        if why is None and (key := key_of(row)) is not None:
            why = self._spent.refusal(key, self._clock.now(), pending)
        if why:
            raise NotTaken(why)
        return row

    def took(self, rows: Sequence[InboxRow]) -> None:
        """These were stored."""
        for row in rows:
            key = key_of(row)
            if key is not None and self._spent.took(key, self._clock.now()) % KEEP_EVERY == 0:
                self._meta.set_later(SPENT, msgspec.json.encode(self._spent.kept()).decode())

    @property
    def rules(self) -> Sequence[Rule]:
        """What the user has decided, by seat and sender."""
        return self._rules

    def forbids(self, seat: str, sender: str, type: str) -> bool:
        """Whether the user's rules keep this from a seat."""
        return refusal(self._rules, seat, sender, type) is not None

    async def allow(self, seat: str, sender: str, level: Level | None) -> None:
        """Set a rule, or forget it (None)."""
        rules = [rule for rule in self._rules if (rule.seat, rule.sender) != (seat, sender)]
        if level is not None:
            rules.append(Rule(seat, sender, level))
        if len(rules) > RULES_LIMIT:
            raise BadInput(f"there are {RULES_LIMIT} rules already: forget some (multifleet seat rules)")
        rules.sort(key=lambda rule: (rule.seat, rule.sender))
        await self._meta.set(RULES, msgspec.json.encode(rules).decode())
        self._rules = rules


def key_of(row: InboxRow) -> Key | None:
    """Where an agent's message to a seat, or to one session, is counted; None for all others."""
    seat = row.seat or (TO_SESSIONS if wish_of(row).session else None)
    if row.authority != Authority.AGENT or seat is None:
        return None
    return seat, row.sender, row.thread or ""
