"""The roster as people read it: who is in and let in by whom, who is out and why, and what they have to settle."""

from multifleet.core.roster import Out, View, by_seniority
from multifleet.node.picture import problems
from multifleet.node.roster.rostering import Rostering
from multifleet.node.roster.words import out_words, settled_words
from multifleet.operations.roster_views import RosterMember, RosterOut, RosterView


def roster_view(
    rostering: Rostering, me: str, chief: str | None, why: str, now: float, *, is_shared: bool
) -> RosterView:
    """Everything; `now` in seconds of the wall clock."""
    view = rostering.view
    cardless = {facts.node for facts in rostering.cardless()}
    return RosterView(
        node=me,
        fleet=rostering.roster.fleet,
        chief=chief,
        chief_why=why,
        members=[
            RosterMember(
                node=facts.node,
                role=facts.role,
                eligible=facts.eligible,
                key=facts.key[:16],
                by=_name(view, facts.by),
                at=_moment(facts.at),
                reachable=facts.node not in cardless,
            )
            for facts in by_seniority(view.members.values())
        ],
        out=[_out(view, out) for out in sorted(view.out.values(), key=lambda out: (-out.at, out.key))],
        disputes=list(problems(view, rostering.key_changes, now, rostering.rows)),
        settled=settled_here(rostering),
        shared_key="none" if not is_shared else "retired" if view.retired else "open",
        digest=rostering.digest(),
    )


def settled_here(rostering: Rostering) -> tuple[str, ...]:
    """What was settled on this machine alone, one line each."""
    roster = rostering.roster
    return tuple(settled_words(dispute) for dispute in roster.disputes() if dispute.id in roster.settled)


def _out(view: View, out: Out) -> RosterOut:
    admitted = tuple(sorted(view.by_key[key].node for key in out.admitted if key in view.by_key))
    return RosterOut(out.node, out.how, out_words(out), out.key[:16], _moment(out.at), admitted)


def _name(view: View, key: str) -> str | None:
    if not key:
        return None
    if key in view.by_key:
        return view.by_key[key].node
    return view.out[key].node if key in view.out else key[:16]


def _moment(milliseconds: int) -> float | None:
    return milliseconds / 1000 if milliseconds else None
