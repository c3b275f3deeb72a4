"""What is offered to whom next: messages for one conversation by one way, and which of them are in the next text."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile

from multifleet.core.digest import OVER
from multifleet.core.ordering import loudness
from multifleet.core.quiet import passes
from multifleet.node.offering.clients import SOCKET
from multifleet.node.offering.wishes import wish_of
from multifleet.sessions.base import Session
from multifleet.store.rows import InboxRow

AT_ONCE = 20
"""Messages in one offer that shows them whole."""


@dataclass(slots=True)
class Plan:
    """Messages for one conversation, by one way."""

    session: Session
    way: str
    remote: str
    rows: list[InboxRow] = field(default_factory=list)

    def next_part(self) -> tuple[list[InboxRow], bool]:
        """The messages of the next text, and whether it has only a line of each; what is loud is shown whole."""
        loud = list(takewhile(lambda row: loudness(row) == 0, self.rows))
        if not loud and len(self.rows) > OVER:
            return self.rows, True
        return (loud or self.rows)[:AT_ONCE], False


def anybody(folder: str) -> bool:
    """Any session may."""
    return True


def plans(
    rows: Iterable[InboxRow],
    wanted_seat: Callable[[InboxRow], str | None],
    choose: Callable[[str | None, bool, str | None, Callable[[str], bool]], Session | None],
    way: Callable[[InboxRow, Session], str],
    asker: Callable[[InboxRow], Session | None] = lambda row: None,
    may_get: Callable[[InboxRow, str], bool] = lambda row, folder: True,
) -> list[Plan]:
    """A plan for each conversation and way; `choose` is told whether the message passes where nothing may disturb,
    which session alone may get it, and whether one in a folder may.

    `asker` knows the conversation that a message answers: where any of a seat may be given it, that is the one.
    What no session may get waits in the inbox.
    """
    made: dict[tuple[str, str, str], Plan] = {}
    chosen: dict[tuple[str | bool | None, ...], Session | None] = {}
    for row in rows:
        seat, only = wanted_seat(row), wish_of(row).session
        may = partial(may_get, row)
        wanted: tuple[str | bool | None, ...] = seat, passes(row.type), only
        if wanted not in chosen:
            chosen[wanted] = choose(seat, passes(row.type), only, anybody)
        session = chosen[wanted]
        if session is not None and not may(session.cwd):
            # Rules ask for its sender and type, and for a session's seat where that is not its own.
            wanted = *wanted, row.type, row.seat, row.from_
            if wanted not in chosen:
                chosen[wanted] = choose(seat, passes(row.type), only, may)
            session = chosen[wanted]
        if session is None:
            continue
        if only is None and (asked := asker(row)) is not None and may(asked.cwd):
            session = asked
        by = way(row, session)
        key = (session.session_id, by, row.from_ if by == SOCKET else "")
        made.setdefault(key, Plan(session, by, row.from_)).rows.append(row)
    return list(made.values())
