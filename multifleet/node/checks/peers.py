"""Does every member of the fleet answer now, and if not: in which state it is, when it was last heard, and why not."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from multifleet.core.presence.states import PresenceState
from multifleet.errors import StoreDamaged, StoreUnavailable
from multifleet.node.checks.connecting import turned_off
from multifleet.node.checks.finding import Finding, fail, of_error, ok, together, warn
from multifleet.node.checks.probing import Answered
from multifleet.node.members import Member
from multifleet.node.picture import problems
from multifleet.node.roster.picture import settled_here
from multifleet.node.roster.words import (
    COME_BACK,
    HAS_LEFT,
    UNKNOWN_HERE,
    come_back_words,
    maybe_out_words,
    me_out_words,
    who_refuses,
)
from multifleet.store.inspection import STORE, read_contents

if TYPE_CHECKING:
    from pathlib import Path

    from multifleet.node.node import Node

AFRESH = "where it was revoked: docs/troubleshooting.md, a machine that is set up anew"
DIRECT = "http"
ALONE = ok("no other machine is in this fleet yet", "multifleet invite")


def answering(node: "Node", answers: Mapping[str, Answered], own: Sequence[str] = ()) -> Finding:
    """Each peer's answer, judged; `own`: what of this machine's own settings does not work."""
    now, wall = node.clock.monotonic(), node.clock.now()
    view = node.rostering.view
    if view.me_out is not None:  # all refuse this node, which says nothing about them
        return fail(me_out_words(view.me_out), come_back_words(view.me_out))
    known = (*problems(view, node.rostering.key_changes, wall, node.rostering.rows), *settled_here(node.rostering))
    findings = [warn(problem, "multifleet roster shows who said what") for problem in known]
    refusing = who_refuses({name: answered.reason for name, answered in answers.items()})
    if words := maybe_out_words(refusing, len(answers)):
        findings.append(fail(words, AFRESH))
    findings += [warn(HAS_LEFT, COME_BACK)] if node.membership.has_left else []
    findings += [_judge(node, member, answers.get(member.node), own, now, wall) for member in node.members.others()]
    findings += [
        warn(f"{name} is configured and was never met", f"start multifleet on {name} with the same shared key")
        for name in node.membership.expected
        if node.members.get(name) is None
    ]
    return together(findings) if findings else ALONE


def last_heard(home: "Path", now: float) -> Finding:
    """What is known of the peers where no daemon runs that could ask them."""
    if not (home / STORE).exists():
        return ALONE
    try:
        heard = read_contents(home / STORE).heard
    except (StoreUnavailable, StoreDamaged) as error:
        return of_error(error, "store", "disk")
    if not heard:
        return ALONE
    known = ", ".join(f"{node} {_since(at, now)}" for node, at in heard.items())
    return ok(f"not asked, no daemon answers: {known}")


def _judge(
    node: "Node", member: Member, answered: Answered | None, own: Sequence[str], now: float, wall: float
) -> Finding:
    key = f"key {member.row.ed25519.hex()[:16]}"
    if answered is not None and answered.reason is None:
        return ok(f"{member.node} answers in {answered.seconds * 1000:.0f} ms ({key})")
    seen = node.presence.peer(member.node)
    heard = wall - (now - member.heard_at) if member.heard_at is not None else member.heard_wall
    known = f"{seen.state} ({seen.how}), {_since(heard, wall)}"
    if seen.state is PresenceState.ASLEEP:
        return ok(f"{member.node} is {known}; what is sent to it waits ({key})")
    if answered is None:
        return ok(f"{member.node} is {known} ({key})")
    says = f"{member.node} cannot be reached ({answered.reason}): it is {known} ({key})"
    if all(UNKNOWN_HERE in part for part in (answered.reason or "").split("; ")):
        return fail(
            says,
            f"if {member.node} has only forgotten this node: multifleet invite on one, multifleet join on the other; "
            f"if it was set up anew, it needs a new name, {node.membership.afresh(member.node, 'there')}",
        )
    if DIRECT in (off := turned_off(node, member)):
        return warn(says, _own_end(off, own))
    return warn(says, _wait_for(member))  # that another machine is away is no fault of this one


def _own_end(off: Sequence[str], own: Sequence[str]) -> str:
    """Where this machine's own settings leave no way that is worth a word about the other one."""
    mend = f"; mend {'; '.join(own)}" if own else ""
    return (
        f"here: channels.off in config.json has {', '.join(off)}: take one out{mend}; "
        "then multifleet down, then multifleet up"
    )


def _wait_for(member: Member) -> str:
    ports = ", ".join(dict.fromkeys(address.rpartition(":")[2] for address in member.addresses)) or "?"
    return (
        f"on {member.node}: multifleet status (multifleet up if it is down), and let TCP and UDP port {ports} through; "
        "what is sent meanwhile waits and is delivered once it is back"
    )


def _since(at: float | None, now: float) -> str:
    if at is None:
        return "was never heard"
    seconds = max(0.0, now - at)
    for size, word in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"was heard {seconds / size:.0f} {word} ago"
    return f"was heard {seconds:.0f} s ago"
