"""The receipt ladder: what may be said of a message, by whom, and what counts as having got there.

    queued -> sent -> stored -> offered -> seen -> answered        or held, refused, expired, undeliverable

Each rung is stated only by the party that observed it, under a MAC that only this party and the addressee can make.
"""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from multifleet.core.mac import digest
from multifleet.core.packets import Statement


class State(StrEnum):
    """Where a message is."""

    QUEUED = "queued"
    SENT = "sent"
    STORED = "stored"
    OFFERING = "offering"  # the recipient's own note before it writes to a session; never stated to anybody
    OFFERED = "offered"
    HELD = "held"
    REFUSED = "refused"
    SEEN = "seen"
    ANSWERED = "answered"
    EXPIRED = "expired"
    UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True, slots=True)
class Rung:
    """One row of the ladder, as it is printed in COMMS-PROTOCOL.md."""

    state: State
    by: str
    evidence: str


LADDER: tuple[Rung, ...] = (
    Rung(
        State.QUEUED, "sender's daemon", "its own commit; the reason why it is not further stands beside it"
    ),
    Rung(State.SENT, "sender's daemon", "a channel said parked or nudged, and where the message lies"),
    Rung(State.STORED, "recipient", "its own commit"),
    Rung(State.OFFERED, "recipient", "bytes written to the session's socket, or text taken by a hook"),
    Rung(State.HELD, "recipient", "the client's own notice: it waits for its user"),
    Rung(State.REFUSED, "recipient", "the client's own notice, or the recipient's rule that is named"),
    Rung(State.SEEN, "recipient", "the transcript: output of the model descends from the message"),
    Rung(State.ANSWERED, "recipient", "a reply to it, or the text of the turn that it started"),
    Rung(State.EXPIRED, "whoever gave up", "its time was over and no attempt had an unknown outcome"),
    Rung(State.UNDELIVERABLE, "whoever gave up", "the last channel's reason"),
)

BY_SENDER = frozenset({State.QUEUED, State.SENT, State.EXPIRED, State.UNDELIVERABLE})
"""States that the sender's own daemon may state."""
BY_RECIPIENT = frozenset(
    {
        State.STORED,
        State.OFFERED,
        State.HELD,
        State.REFUSED,
        State.SEEN,
        State.ANSWERED,
        State.EXPIRED,
        State.UNDELIVERABLE,
    }
)
"""States that a recipient may state."""
FINAL = frozenset({State.REFUSED, State.ANSWERED, State.EXPIRED, State.UNDELIVERABLE})
"""States after which nothing more is expected, though a later true word overrides the last two."""

_HEIGHT = {
    State.QUEUED: 0,
    State.SENT: 1,
    State.STORED: 2,
    State.OFFERING: 2,
    State.OFFERED: 3,
    State.HELD: 3,
    State.SEEN: 4,
    State.ANSWERED: 5,
}


def reached(state: State, wanted: State) -> bool:
    """Whether a message in `state` has got to `wanted` (later rungs imply earlier ones)."""
    if state is wanted:
        return True
    if wanted in (State.HELD, State.REFUSED, State.EXPIRED, State.UNDELIVERABLE):
        return False
    if state in (State.REFUSED, State.EXPIRED, State.UNDELIVERABLE):
        return wanted in (State.QUEUED,)
    if state is State.HELD and wanted is State.OFFERED:
        return False
    return _HEIGHT[state] >= _HEIGHT[wanted]


def hopeless(state: State, wanted: State) -> bool:
    """Whether a message in `state` will not get to `wanted` any more."""
    return state in FINAL and not reached(state, wanted)


def current(events: Iterable[tuple[State, str, int | None]], sender: str) -> State:
    """The state that events (state, by, seq) amount to: the recipient's last word by seq, else the sender's highest."""
    last: tuple[int, State] | None = None
    own = State.QUEUED
    for state, by, seq in events:
        if seq is not None and by != sender:
            if last is None or seq >= last[0]:
                last = (seq, state)
        elif by == sender and (state in FINAL or (own not in FINAL and _HEIGHT[state] > _HEIGHT[own])):
            own = state
    return last[1] if last else own


def line_mac(
    key: bytes, by: str, to: str, seq: int, id: str, state: str, at: int, channel: str, attempt: int, detail: str
) -> str:
    """The MAC (64 hex digits) under which `by` states a line of its receipt log to `to`; `at` in milliseconds."""
    line = f"mf1 rcpt {by} {to} {seq} {id} {state} {at} {channel or '-'} {attempt}\n{detail}"
    return digest(key, line.encode()).hex()


def statement_mac(key: bytes, by: str, to: str, statement: Statement) -> str:
    """The MAC that a statement has to have."""
    return line_mac(
        key,
        by,
        to,
        statement.seq,
        statement.id,
        statement.state,
        statement.at,
        statement.channel,
        statement.attempt,
        statement.detail,
    )


def state_it(
    key: bytes, by: str, to: str, *, seq: int, id: str, state: str, at: float, channel: str, attempt: int, detail: str
) -> Statement:
    """A statement with its MAC; `at` in wall-clock seconds."""
    at_ms = round(at * 1000)
    mac = line_mac(key, by, to, seq, id, state, at_ms, channel, attempt, detail)
    return Statement(
        seq=seq, id=id, state=state, at=at_ms, channel=channel, attempt=attempt, detail=detail, mac=mac
    )


def is_stated_by(key: bytes, by: str, to: str, statement: Statement) -> bool:
    """Whether the MAC of a statement is good."""
    return hmac.compare_digest(statement_mac(key, by, to, statement), statement.mac)


def contiguous(have: int, seqs: Sequence[int]) -> int:
    """The last seq up to which nothing is missing, after `have` and these arrived."""
    for seq in sorted(seqs):
        if seq == have + 1:
            have = seq
        elif seq > have + 1:
            break
    return have

