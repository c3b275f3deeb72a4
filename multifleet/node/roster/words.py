"""What a person is told about who is out of the fleet, and why. Reasons are other people's words: shown inert."""

from collections.abc import Mapping, Sequence

from multifleet.core.roster import Dispute, Out
from multifleet.core.visible import visible

UNKNOWN_HERE = "does not know this node"
"""In the reason for which a peer answers without a signature."""

HAS_LEFT = "this machine has left the fleet that $FLEET_NERVE_HMAC_KEY names, and does not go back by itself"
COME_BACK = (
    "to come back: multifleet invite on a captain, and multifleet join here; else take the key out of its environment"
)


def out_words(out: Out) -> str:
    """One line: "laptop was revoked by mac1: stolen"."""
    reason = visible(out.reason, one_line=True)
    by = out.by or f"the key {out.by_key[:16]}"
    match out.how:
        case "revoked":
            return f"{out.node} was revoked by {by}" + (f": {reason}" if reason else "")
        case "disputed":
            return f"{out.node} was revoked by {by}, which it disputes: a person has to decide"
        case "left" if out.by_key not in ("", out.key):
            return f"this machine left the fleet of {out.node}"
        case "left":
            return f"{out.node} left the fleet"
        case _:
            return f"{out.node} is out: {reason}"


def settled_words(dispute: Dispute) -> str:
    """What this node's user has decided, and what is to be done for the others."""
    return (
        f"this machine alone holds with {dispute.by} against {dispute.node}: "
        f"multifleet revoke {dispute.node} on another captain settles it for all"
    )


def refusal_words(out: Out | None) -> str | None:
    """Why nothing that a machine sent is shown any more; None as long as that is not decided."""
    return out_words(out) if out is not None and out.how in ("revoked", "orphaned") else None


def who_refuses(reasons: Mapping[str, str | None]) -> list[str]:
    """The members that answered this node as they answer a stranger; the reasons are why nothing got to each."""
    return sorted(name for name, reason in reasons.items() if reason and UNKNOWN_HERE in reason)


def maybe_out_words(refusing: Sequence[str], others: int) -> str | None:
    """What a machine is told that was put out while it was away: nobody tells it, and it sees all others as dead.

    One that refuses may have forgotten this node; of several, or of all, that is not likely.
    """
    if not refusing or (len(refusing) < 2 and others > 1):
        return None
    more = f" and {len(refusing) - 3} more" if len(refusing) > 3 else ""
    return (
        f"{', '.join(refusing[:3])}{more} answered as to a stranger: this machine may have been revoked or removed "
        "from the fleet while it was away. multifleet roster on one of them tells; if so, set this machine up anew, "
        "with new keys, and join again"
    )


def me_out_words(out: Out) -> str:
    """The same where it is about this machine, with what there is to do."""
    if out.how == "disputed":
        return f"{out_words(out)}: multifleet revoke one of the two on another captain"
    return f"{out_words(out)}: the others refuse what it sends (multifleet doctor says how it comes back)"


def come_back_words(out: Out) -> str:
    """What to type where this machine is out and its user wants it in again."""
    match out.how:
        case "disputed":
            return "multifleet revoke one of the two, on a captain that is neither"
        case "orphaned" | "left":
            return "multifleet invite on a captain that is in, and multifleet join here"
        case _:
            return (
                "it comes back with new keys only: multifleet down; mv ~/.multifleet ~/.multifleet.old (or what "
                "MULTIFLEET_HOME says; config.json may be copied back); multifleet init; multifleet up; then "
                "multifleet join with the code of another member"
            )
