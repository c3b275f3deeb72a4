"""What a user sees of repairs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from multifleet.core.channel_state import ChannelState
from multifleet.core.ladder import ESCALATIONS, LADDER, Case, Ladders, Level
from multifleet.operations.repair_views import CaseView

_TO_A_PERSON = LADDER[-1]
MOST_WORDS = 160
"""Characters of what came of a rung, in one sentence of `status`."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """What came of what a person wanted, in words."""

    refused: str = ""
    """Why it was not done."""
    done: str = ""
    """A line for each thing."""


@dataclass(frozen=True, slots=True)
class Ways:
    """What stands against the next rung, beside the ladder itself."""

    why_away: Callable[[str], str]
    """That a peer has said that it will not be there, in words; empty where it has not."""
    is_reachable: Callable[[str], bool]
    why_no_login: Callable[[str], str]
    """Why nobody can log in to a peer; empty where there is a way to try."""


def case_views(
    ladders: Ladders, ways: Ways, state_of: Callable[[str, str], ChannelState], now: float
) -> list[CaseView]:
    """Every case, by peer and channel."""
    return [
        CaseView(
            peer=case.peer,
            channel=case.channel,
            state=state_of(case.peer, case.channel),
            level=case.level,
            began_at=case.began_at,
            at=case.at,
            evidence=case.evidence,
            outcome=case.outcome,
            next=_next(ladders, ways, case, now),
        )
        for case in sorted(ladders.cases, key=lambda case: (case.peer, case.channel))
    ]


def problems(ladders: Ladders, ways: Ways, now: float) -> Iterable[str]:
    """One sentence for each case, for `status`."""
    for case in sorted(ladders.cases, key=lambda case: (case.peer, case.channel)):
        yield (
            f"{case.channel} to {case.peer} does not work ({case.evidence}); {_tried(case)}; "
            f"{_next(ladders, ways, case, now)}: multifleet repair {case.peer}"
        )


def why_refused(ladders: Ladders, peer: str, now: float, most: int) -> str:
    """Why a rung that a person wanted is not climbed now, where `most` escalations within the hour are allowed."""
    left = ladders.free_at(peer, now, most) - now
    if left <= 0:
        return "another step is under way"
    if most == ESCALATIONS:
        return f"refused: {peer} was turned to three times within the hour; again in {_span(left)}, or now by --anyway"
    return f"refused: {peer} was turned to {most} times within the hour, also by hand; again in {_span(left)}"


def _tried(case: Case) -> str:
    """What was done last, and what came of it."""
    if case.level is Level.NOTE:
        return "this side was mended"
    words = f"{case.level}: {case.outcome or 'nothing is known of what came of it'}"
    return words if len(words) <= MOST_WORDS else f"{words[: MOST_WORDS - 3]}..."


def _next(ladders: Ladders, ways: Ways, case: Case, now: float) -> str:
    if ladders.is_busy(case.peer):
        return "a step is under way"
    if case.above is None:
        return "nothing more by itself but probes"
    if away := ways.why_away(case.peer):
        return f"nothing: {away}"
    if ladders.is_refused(case, now):
        return f"{case.above.level} in {_span(ladders.free_at(case.peer, now) - now)}: three times an hour is the limit"
    if not ways.is_reachable(case.peer):
        return f"nothing before {case.peer} is reached by something"
    if case.above.level is Level.ASSIST and ways.why_no_login(case.peer):
        at = max(case.due_at, case.began_at + _TO_A_PERSON.not_before)
        return f"{_TO_A_PERSON.level} {_when(at - now)}: L3 needs an SSH login"
    return f"{case.above.level} {_when(case.due_at - now)}"


def _when(seconds: float) -> str:
    return f"in {_span(seconds)}" if seconds > 0 else "at once"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
