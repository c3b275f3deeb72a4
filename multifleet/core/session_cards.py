"""Session cards: all that a node tells the others of its agent sessions, and the question that asks for them.

A seat, a client, a state and for how long, a branch, whether it is not to be disturbed. Nothing of what is said in a
session, and no folder or id of it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, ClassVar, Literal

import msgspec

from multifleet.core.asks import Question
from multifleet.core.ids import SEAT_PATTERN
from multifleet.core.packets import Wire
from multifleet.core.presence.gossip import DOING_SHOWN, Facts

CARDS_LIMIT = 64
"""Sessions of one node that are told; of more of them those that did something last."""
BRANCH_LIMIT = 60

SeatOrNone = Annotated[str, msgspec.Meta(pattern=f"^(?:{SEAT_PATTERN})?\\Z")]
Client = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{0,19}\\Z")]
State = Literal["idle", "busy", "waiting", "unknown"]
_STATES: dict[str, State] = {"i": "idle", "b": "busy", "w": "waiting", "u": "unknown"}
_FIRST: tuple[State, ...] = ("idle", "busy", "unknown", "waiting")
"""Which sessions get a message before which."""
Span = Annotated[int, msgspec.Meta(ge=0, le=10**10)]


class SessionCard(Wire, frozen=True, kw_only=True):
    """One open agent session."""

    seat: SeatOrNone = ""
    """The seat that it sits on; empty where it has none."""
    client: Client
    """The program it runs in, for example claude."""
    state: State
    """What it does now, as its client says; `waiting` is for its user."""
    seconds: Span | None = None
    """For how long it has been in that state; null where that is not known."""
    branch: Annotated[str, msgspec.Meta(max_length=BRANCH_LIMIT)] = ""
    """Of git, in its folder; empty where there is none."""
    quiet: bool = False
    """Whether its seat is not to be disturbed; alerts pass."""
    quiet_for: Span | None = None
    """For how many seconds more; null until somebody ends it."""
    mate: bool = False
    """Whether it is a team mate of a session; its seat is an address of its own then."""


class SessionsTold(Wire, frozen=True, kw_only=True):
    """The open agent sessions of a node."""

    cards: Annotated[list[SessionCard], msgspec.Meta(max_length=CARDS_LIMIT)]
    """One for each."""
    more: Annotated[int, msgspec.Meta(ge=0, le=10**6)] = 0
    """How many there are beside these."""


class SessionsAsk(Question, frozen=True, kw_only=True, tag="sessions"):
    """Which agent sessions are open with you?"""

    tells: ClassVar[type[Wire]] = SessionsTold
    repeatable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Known:
    """What a peer told of its sessions; `at` is of the asker's monotonic clock."""

    cards: tuple[SessionCard, ...]
    more: int
    at: float

    def seconds(self, card: SessionCard, now: float) -> float | None:
        """For how long a session has been in its state, if it still is."""
        return None if card.seconds is None else card.seconds + max(0.0, now - self.at)


def chosen(cards: Iterable[SessionCard]) -> SessionsTold:
    """What is told of these sessions, given in the order in which they did something last."""
    every = list(cards)
    told = sorted(every[:CARDS_LIMIT], key=lambda card: (card.seat == "", card.seat, card.client))
    return SessionsTold(cards=told, more=len(every) - len(told))


def doing(cards: Iterable[SessionCard]) -> str:
    """What these sessions do, for facts: a letter for each, in the order in which they are told; empty where they are
    too many. The cards are given as `chosen` wants them."""
    told = chosen(cards)
    return "".join(card.state[0] for card in told.cards) if len(told.cards) <= DOING_SHOWN else ""


def followed(known: Known, letters: str, now: float) -> Known:
    """The same sessions, doing what facts say that they do now; as they were, where the letters are of other ones.

    Letters say how many of the sessions of one client on one seat do what, and not which of them.
    """
    if not letters or known.more or len(letters) != len(known.cards):
        return known
    after: list[SessionCard] = []
    for _, group in groupby(known.cards, key=lambda card: (card.seat, card.client)):
        cards = list(group)
        says = Counter(letters[len(after) : len(after) + len(cards)])
        stay = [_takes(says, card.state[0]) for card in cards]
        rest = says.elements()
        for card, stays in zip(cards, stay, strict=True):
            state, seconds = (card.state, known.seconds(card, now)) if stays else (_STATES[next(rest)], 0.0)
            since = None if seconds is None else int(seconds)
            quiet = None if card.quiet_for is None else max(0, card.quiet_for - int(now - known.at))
            after.append(msgspec.structs.replace(card, state=state, seconds=since, quiet_for=quiet))
    return Known(tuple(after), 0, now)


def _takes(says: Counter[str], letter: str) -> bool:
    """Whether there is one more of a letter; it is no longer then."""
    if not says[letter]:
        return False
    says[letter] -= 1
    return True


def status_of(cards: Iterable[SessionCard], seat: str) -> str:
    """What the session on a seat does that would get a message now; empty where that is not known."""
    states = [card.state for card in cards if card.seat == seat]
    state = min(states, key=_FIRST.index, default="unknown")
    return "" if state == "unknown" else state


def is_news(before: Known | None, after: Known) -> bool:
    """Whether something else is open, or does something else, than before; that time passed is none."""
    return before is None or _without_time(before) != _without_time(after)


def _without_time(known: Known) -> tuple[list[SessionCard], int]:
    return [msgspec.structs.replace(card, seconds=None, quiet_for=None) for card in known.cards], known.more


def to_ask(facts: Facts, answered: Mapping[str, tuple[int, str, tuple[str, ...]]], node: str) -> bool:
    """Whether a node's facts say that its sessions are other ones than when it last answered."""
    return answered.get(node) != marks(facts)


def agrees(facts: Facts, told: Iterable[SessionCard], more: int) -> bool:
    """Whether cards are of the same moment as facts: either may be a second older than the other."""
    cards = list(told)
    return len(cards) + more == facts.sessions and (more > 0 or {*facts.seats} <= {card.seat for card in cards})


def marks(facts: Facts) -> tuple[int, str, tuple[str, ...]]:
    """What of a node's facts changes when its sessions do."""
    return facts.sessions, facts.branch, tuple(facts.seats)
