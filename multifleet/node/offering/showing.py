"""Makes of stored messages the text that a session is shown. Blocks for what long texts take: run it in a thread."""

from collections.abc import Callable, Sequence

from multifleet.core.digest import IN_LINE, digest
from multifleet.core.fence import DEFAULT_BUDGET, Authority, Fenced, FencedMessage, fence
from multifleet.node.offering.watching import mark_of
from multifleet.node.offering.wishes import wish_of
from multifleet.sessions.claude_wire import MAX_LINE_UNITS
from multifleet.sessions.qwen_registry import CLIENT as QWEN
from multifleet.sessions.seeds import fragment
from multifleet.store.rows import InboxRow

SOCKET_BUDGET, SAFE_BUDGET = 300_000, 160_000
"""Characters of one post; the client drops a line of over a million, which the smaller budget never makes."""
LINE_ROOM = MAX_LINE_UNITS - 4_000
"""Characters of a line that are left to the text."""


Shown = tuple[Fenced, list[InboxRow]]
"""A text, and the messages that are in it."""


def shown_by_hook(offer_id: str, rows: Sequence[InboxRow], is_digest: bool = False, about: Sequence[str] = ()) -> Shown:
    """An offer's text for a hook; `about`: the session's gold, where a sender wants it to be shown."""
    return _digest(offer_id, rows, DEFAULT_BUDGET) if is_digest else _fence(offer_id, rows, DEFAULT_BUDGET, about)


def shown_in_line(offer_id: str, rows: Sequence[InboxRow], is_digest: bool = False, about: Sequence[str] = ()) -> Shown:
    """The same for an inbox: as much as fits on a line, where a character may take up to six."""
    if is_digest:
        return _digest(offer_id, rows, IN_LINE)
    fenced, shown = _fence(offer_id, rows, SOCKET_BUDGET, about)
    if len(fragment(fenced.text)) > LINE_ROOM:
        return _fence(offer_id, rows, SAFE_BUDGET, about)
    return fenced, shown


def shown_in(client: str) -> Callable[..., Shown]:
    """How a text is made for the inbox of a client.

    Qwen Code takes as long a line as Claude Code, but works on a text of 50,000 characters for seconds and answers
    nobody meanwhile (0.24.4): it gets no more at a time than a hook.
    """
    return shown_by_hook if client == QWEN else shown_in_line


def _digest(offer_id: str, rows: Sequence[InboxRow], budget: int) -> Shown:
    fenced = digest([_fenced(row) for row in rows], delimiter=mark_of(offer_id), budget=budget)
    return fenced, list(rows[: len(fenced.shortened)])


def _fence(offer_id: str, rows: Sequence[InboxRow], budget: int, about: Sequence[str]) -> Shown:
    fenced = fence([_fenced(row, about) for row in rows], delimiter=mark_of(offer_id), budget=budget)
    return fenced, list(rows[: len(fenced.shown) + len(fenced.shortened)])


def _fenced(row: InboxRow, about: Sequence[str] = ()) -> FencedMessage:
    return FencedMessage(
        id=row.id,
        sender=row.from_,
        authority=Authority(row.authority),
        type=row.type,
        subject=row.subject,
        body=row.body,
        sent_at=row.created,
        thread=row.thread,
        signer=row.signer,
        about=", ".join(about) if wish_of(row).smart else "",
        acts_unasked=wish_of(row).from_mode == "bypass",
    )
