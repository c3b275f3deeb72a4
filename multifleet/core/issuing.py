"""Making documents of the roster: so that they take effect, and say what the person who decided means.

A moment is never earlier than that of the document that it is to replace, whatever the clock says.
"""

from collections.abc import Container

from multifleet.core.documents import (
    LAST_MOMENT,
    REASON_LIMIT,
    TEXT_LIMIT,
    Admission,
    Kind,
    Leave,
    Revocation,
    Role,
    Signed,
    Stop,
    sign,
)
from multifleet.core.keys import Identity
from multifleet.core.roster import Roster, View
from multifleet.core.roster_view import STOP_AHEAD
from multifleet.core.shelf import WORDS_OF_ONE
from multifleet.errors import BadInput, KeyChanged, NotCaptain, UnknownNode

STRANGER = "unknown"
"""What a revocation calls a key of which nothing is known here: others may have been told that it is a member."""
NAMES_LIMIT = (TEXT_LIMIT - 2_048) // 67
"""Keys that one revocation can name, in quotes and with a comma each."""


def make_admission(
    roster: Roster, identity: Identity, node: str, key: str, now: int, *, role: Role = "captain", eligible: bool = True
) -> Signed:
    """The word that lets a node in, or back in after it left; `now` in milliseconds."""
    view = roster.view()
    require_captain(view, identity, "let a machine in")
    gone = view.out.get(key)
    if gone and gone.how in ("revoked", "disputed"):
        raise BadInput(f"{node} was revoked, and its key never comes back: run `multifleet init` there anew, then join")
    holder = view.members.get(node)
    if holder and holder.key != key:
        raise KeyChanged(f"{node} is a member with another key: revoke that first, or give one of them another id")
    me = identity.public.hex()
    require_room(roster, "admission", me, key, "let more machines in")
    after = [held.at for kind in ("admission", "leave") for held in roster.held(kind, key)]
    body = Admission(
        fleet=roster.fleet,
        node=node,
        key=key,
        role=role,
        eligible=eligible,
        by=me,
        at=_next(now, after),
    )
    return sign(identity, body)


def make_leave(roster: Roster, identity: Identity, now: int) -> Signed:
    """This node's word that it leaves."""
    key = identity.public.hex()
    after = [held.at for kind in ("admission", "leave") for held in roster.held(kind, key)]
    # What it has said about the whole fleet counts where it is older than this: see roster_reading.
    after += [held.at for held in roster.held_by("stop", key) if held.at <= now + STOP_AHEAD]
    return sign(identity, Leave(fleet=roster.fleet, node=identity.node, key=key, at=_next(now, after)))


def make_stop(roster: Roster, identity: Identity, now: int, *, stopped: bool) -> Signed:
    """The word that stops the whole fleet, or ends that: newer than any other that counts.

    BadInput where it would not count, because of the date of another one or of an earlier one of this node.
    """
    view = roster.view()
    require_captain(view, identity, "stop the fleet" if stopped else "let the fleet go on")
    me = identity.public.hex()
    at = _next(now, [word.at for word in view.stop_words if word.at <= now + STOP_AHEAD])
    if at > now + STOP_AHEAD:
        raise BadInput("a captain's word is dated a whole day ahead of this machine's clock: try again in a minute")
    if any(held.at >= at for held in roster.held_by("stop", me)):
        raise BadInput(
            "this machine has said a word about the fleet that is dated more than a day ahead of its clock, and a new "
            "one would not count: set its clock right, or do it on another captain"
        )
    return sign(identity, Stop(fleet=roster.fleet, by=me, at=at, stopped=stopped))


def make_revocation(
    roster: Roster,
    identity: Identity,
    key: str,
    now: int,
    reason: str = "",
    *,
    with_admitted: bool = False,
    bring_others_back: bool = False,
    leave_out: Container[str] = (),
) -> list[Signed]:
    """What puts a key out: a revocation, and the signer's own admissions of those that it has no room to name.

    Where the fleet would be stopped by it, or go on, because a word of the revoked one counts no more, the signer's own
    word that it stays as it was comes first.

    It stands by everybody whom the revoked one had let in and who is a member now, but for the keys in `leave_out`, or
    with `with_admitted` by nobody; by everybody who is a root here, because those whom the revoked one had let in may
    know of these by its word alone; and by what the revoked one had revoked without dispute, but for the signer, or
    with `bring_others_back` by nothing.
    """
    view = roster.view()
    me = identity.public.hex()
    if key == me:
        raise BadInput("a machine does not revoke itself: `multifleet leave` takes it out")
    if not may_revoke(view, me):
        require_captain(view, identity, "revoke one")
    require_room(roster, "revocation", me, key, "put more machines out")
    node = name_of(view, key) if key in view.by_key or key in view.out else STRANGER
    members = {member.key: member for member in view.members.values() if member.key not in (key, me)}
    admitted = [other for other in _let_in(roster, key) if other in members and other not in leave_out]
    revoked = sorted(
        held.key for held in roster.held_by("revocation", key) if held.id in view.accepted and held.key != me
    )
    roots = sorted(member.key for member in members.values() if not member.by)
    admitted = [*roots, *(() if with_admitted else (other for other in admitted if other not in roots))]
    revoked = [] if bring_others_back else revoked
    if len(revoked) > NAMES_LIMIT:
        raise BadInput(f"{node} has revoked more than {NAMES_LIMIT} machines: revoke some of them from here first")
    room = NAMES_LIMIT - len(revoked)
    rest = [members[other] for other in admitted[room:]]
    made = [
        make_admission(roster, identity, each.node, each.key, now, role=each.role, eligible=each.eligible)
        for each in rest
    ]
    body = Revocation(
        fleet=roster.fleet,
        node=node,
        key=key,
        by=me,
        at=_next(now, [held.at for held in roster.held("revocation", key) if held.by == me]),
        reason=reason[:REASON_LIMIT],
        admitted=admitted[:room],
        revoked=revoked,
    )
    made.append(sign(identity, body))
    return [*_as_it_was(roster, identity, made, now), *made]


def _as_it_was(roster: Roster, identity: Identity, documents: list[Signed], now: int) -> list[Signed]:
    """The word that the fleet is stopped, or not, as before these documents; nothing where they do not change it, or
    where it would not count, because of an earlier one of the signer that is dated far ahead."""
    me = identity.public.hex()
    then = roster.foresee(documents)
    is_stopped = roster.view().stopped(now) is not None
    if not then.is_captain(me) or (then.stopped(now) is not None) is is_stopped:
        return []
    at = _next(now, [word.at for word in then.stop_words if word.at <= now + STOP_AHEAD])
    if any(held.at >= at for held in roster.held_by("stop", me)):
        return []
    return [sign(identity, Stop(fleet=roster.fleet, by=me, at=at, stopped=is_stopped))]


def require_room(roster: Roster, kind: Kind, me: str, key: str, to_do: str) -> None:
    """BadInput where the others would not keep a further word of this captain."""
    said = roster.held_by(kind, me)
    if len(said) >= WORDS_OF_ONE and all(held.key != key for held in said):
        raise BadInput(f"this captain has said that {WORDS_OF_ONE} times and cannot {to_do}: do it on another captain")


def may_revoke(view: View, key: str) -> bool:
    """Whether this key's revocations are considered: also those of a captain that a thief has put out first."""
    gone = view.out.get(key)
    return key in view.entitled and (gone is None or gone.how in ("revoked", "disputed", "orphaned"))


def require_captain(view: View, identity: Identity, to_do: str) -> None:
    """NotCaptain, which says where it can be done, unless this node is a captain."""
    if view.is_captain(identity.public.hex()):
        return
    captains = view.captains()
    where = f"do it on {', '.join(captains[:5])}" if captains else "there is no captain"
    raise NotCaptain(f"this machine is a worker and cannot {to_do}: {where}")


def name_of(view: View, key: str) -> str:
    """The node id that goes with a key; UnknownNode where nothing is known of it."""
    member = view.by_key.get(key)
    if member:
        return member.node
    if key in view.out:
        return view.out[key].node
    raise UnknownNode("no machine of the fleet has or had this key")


def _let_in(roster: Roster, key: str) -> list[str]:
    named = {anchored for anchored, anchor in roster.anchors.items() if anchor.by == key}
    return sorted(named | {held.key for held in roster.held_by("admission", key)})


def _next(now: int, after: list[int]) -> int:
    return min(max(now, *(at + 1 for at in after), 0), LAST_MOMENT)
