"""What a user sees of repairs."""

from collections.abc import Callable, Iterable

from multifleet.core.channel_state import ChannelState
from multifleet.core.ladder import Case, Ladders, Level
from multifleet.operations.repair_views import CaseView

_DID = {
    Level.NOTE: "this side was mended",
    Level.GUIDE: "it was told",
    Level.ASSIST: "it was repaired from outside",
    Level.HUMAN: "a person has to look",
}


def case_views(ladders: Ladders, state_of: Callable[[str, str], ChannelState], now: float) -> list[CaseView]:
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
            next=_next(ladders, case, now),
        )
        for case in sorted(ladders.cases, key=lambda case: (case.peer, case.channel))
    ]


def problems(ladders: Ladders, now: float) -> Iterable[str]:
    """One sentence for each case, for `status`."""
    for case in sorted(ladders.cases, key=lambda case: (case.peer, case.channel)):
        yield (
            f"{case.channel} to {case.peer} does not work ({case.evidence}); {_DID[case.level]}; "
            f"{_next(ladders, case, now)}: multifleet repair {case.peer}"
        )


def _next(ladders: Ladders, case: Case, now: float) -> str:
    if ladders.is_busy(case.peer):
        return "a step is under way"
    if case.above is None:
        return "nothing more by itself but probes"
    if ladders.is_refused(case, now):
        return f"{case.above.level} in {_span(ladders.free_at(case.peer, now) - now)}: three times an hour is the limit"
    return f"{case.above.level} in {_span(case.due_at - now)}" if case.due_at > now else f"{case.above.level} at once"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
