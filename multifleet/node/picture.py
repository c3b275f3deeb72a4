"""The picture of the fleet as this node sees it: what the roster, presence and the outbox know, put side by side.

It asks nobody, touches no store and decides nothing. Moments become those of the wall clock here.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from multifleet.core import election
from multifleet.core.presence.gossip import Facts
from multifleet.core.presence.peer import PeerPresence
from multifleet.core.presence.states import PresenceState
from multifleet.core.roster_view import MemberFacts, Out, View
from multifleet.node.members import Member
from multifleet.node.roster.keeping import KeyChange
from multifleet.node.roster.words import out_words
from multifleet.operations.node_views import ApartView, MemberView
from multifleet.store.rows import PeerRow

THERE = (PresenceState.ALIVE, PresenceState.SUSPECT)
"""Who is suspected counts as being there until this node has made sure: a chief does not change for a lost packet."""
NO_CARD = "its card has not come yet: nobody here knows its address"
SHOWN_SECONDS = 7 * 86_400.0
"""That a changed key is shown."""
_TAKEN = "name-taken"


@dataclass(frozen=True, slots=True)
class Sources:
    """What is known at one moment."""

    view: View
    presence: Mapping[str, PeerPresence]
    """By name."""
    members: Mapping[str, Member]
    """Those whose keys are pinned, by name."""
    waiting: Mapping[str, int]
    """Messages for each."""
    chief: str | None
    now: float
    """Monotonic."""
    wall: float
    rows: Mapping[str, PeerRow]
    """Every peer that was ever pinned, by name."""

    def moment(self, monotonic: float | None) -> float | None:
        """The same on the wall clock."""
        return None if monotonic is None else self.wall - (self.now - monotonic)


def choose_chief(view: View, presence: Iterable[PeerPresence], me: str, configured: str) -> tuple[str | None, str]:
    """The chief and why it is; None, and why there is none."""
    there = {me, *(peer.name for peer in presence if peer.state in THERE)}
    found = election.chief(view, there, configured)
    if configured:
        return found, "it is configured" if found else f"{configured} is configured and is no member"
    return found, "the most senior eligible member that is there" if found else "no eligible member is there"


def others(known: Sources, me: str) -> list[MemberView]:
    """All members but this node, by id, and then whoever is out and whose name nobody else has."""
    inside = [_inside(known, facts) for name, facts in sorted(known.view.members.items()) if name != me]
    newest: dict[str, Out] = {}
    for out in known.view.out.values():
        if out.node not in (me, *known.view.members) and out.how != _TAKEN:
            newest[out.node] = max(out, newest.get(out.node, out), key=lambda each: each.at)
    return inside + [_outside(known, out) for _, out in sorted(newest.items())]


def problems(
    view: View,
    changes: Mapping[str, KeyChange] = MappingProxyType({}),
    now: float = 0.0,
    rows: Mapping[str, PeerRow] = MappingProxyType({}),
) -> tuple[str, ...]:
    """What a person has to settle, names behind which there is another key since a short while, and whom the shared key
    let in here too late.

    `changes` and `rows` by name; `now` in seconds of the wall clock.
    """
    found = [
        f"{dispute.node} was revoked by {dispute.by or 'the key ' + dispute.by_key[:16]} and disputes it, so both are "
        f"out: multifleet revoke one of the two on another captain, or multifleet settle here with whom this machine "
        "alone shall hold"
        for dispute in view.disputes
    ]
    found += [
        f"two machines call themselves {out.node}: the key {out.by_key[:16]} has the name here, {out.key[:16]} does "
        f"not ({out.reason}). Give one of them another name, or multifleet revoke KEY the one that is not yours"
        for out in view.out.values()
        if out.how == _TAKEN
    ]
    for name, change in changes.items():
        holder = view.members.get(name)
        if holder is not None and holder.key != change.key and now - change.at < SHOWN_SECONDS:
            out = view.out.get(change.key)
            before = out_words(out) if out else f"{name} had the key {change.key[:16]}"
            found.append(
                f"{before}, and another machine has its name since {_day(change.at)}: key {holder.key[:16]}. "
                f"If nobody of yours set it up anew: multifleet revoke {name}"
            )
    found += filter(None, (_let_in_too_late(view, row, now) for row in rows.values()))
    return tuple(sorted(found))


def _let_in_too_late(view: View, row: PeerRow, now: float) -> str:
    """Of one that said hello here when the shared key was good for nothing any more, and this node had not heard so."""
    holder = view.members.get(row.node)
    if row.via != "hello" or holder is None or holder.key != row.ed25519.hex() or now - row.added_at >= SHOWN_SECONDS:
        return ""
    before = [out for out in view.out.values() if out.how == "revoked" and out.at < row.added_at * 1000]
    if not before:
        return ""
    first = min(before, key=lambda out: out.at)
    return (
        f"{row.node} was let in here by the shared key after {first.node} had been revoked, of which this machine had "
        f"not heard yet. If nobody of yours set it up: multifleet revoke {row.node}"
    )


def this_node(known: Sources, me: str, own: Facts, addresses: Iterable[str], started_at: float) -> MemberView:
    """This node's own line."""
    facts, out = known.view.members.get(me), known.view.me_out
    if out is not None:
        return msgspec.structs.replace(_outside(known, out), addresses=tuple(addresses), **_told(own))
    return MemberView(
        node=me,
        state=PresenceState.ALIVE.value,
        since=started_at,
        how="this node",
        role=facts.role if facts else "captain",
        chief=me == known.chief,
        addresses=tuple(addresses),
        clock_offset=0.0,
        facts_at=known.wall,
        waiting=known.waiting.get(me, 0),
        heard_at=known.wall,
        key=facts.key[:16] if facts else None,
        added_at=_moment(facts.at) if facts else None,
        **_told(own),
    )


def _inside(known: Sources, facts: MemberFacts) -> MemberView:
    name = facts.node
    peer, member = known.presence.get(name), known.members.get(name)
    heard = known.moment(peer.heard_at) if peer else None
    return MemberView(
        node=name,
        state=(peer.state if peer else PresenceState.SUSPECT).value,
        since=known.moment(peer.since) if peer else None,
        how=_how(peer, known.now) if peer else NO_CARD,
        role=facts.role,
        chief=name == known.chief,
        addresses=member.reachable_at if member else (),
        round_trip=peer.round_trip if peer else None,
        clock_offset=member.offset if member else None,
        waiting=known.waiting.get(name, 0),
        heard_at=heard if heard is not None or member is None else member.heard_wall,
        apart=_apart(known, peer),
        flaps=peer.flaps if peer else 0,
        key=facts.key[:16],
        added_at=_moment(facts.at),
        **(_told(peer.facts) | {"facts_at": known.moment(peer.facts_at)} if peer and peer.facts else {}),
    )


def _how(peer: PeerPresence, now: float) -> str:
    """How its state is known at this moment: of one that is there its latest word, else what ended it."""
    if peer.state is not PresenceState.ALIVE or peer.heard_at is None or not peer.heard_by:
        return peer.how
    seconds = max(0.0, now - peer.heard_at)
    ago = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
    return f"{peer.heard_by} {ago} ago" + (f", had slept {peer.slept} s" if peer.slept else "")


def _outside(known: Sources, out: Out) -> MemberView:
    row = known.rows.get(out.node)
    was = row if row is not None and row.ed25519.hex() == out.key else None
    return MemberView(
        node=out.node,
        state="left" if out.how == "left" else "revoked",
        since=_moment(out.at),
        how=_how_out(out),
        waiting=known.waiting.get(out.node, 0),
        key=out.key[:16],
        heard_at=was.heard_at if was else None,
        added_at=was.added_at if was else None,
    )


def _how_out(out: Out) -> str:
    by = out.by or f"the key {out.by_key[:16]}"
    match out.how:
        case "left":
            return "said so itself"
        case "orphaned":
            return f"came in through {by}, which is out"
        case "disputed":
            return f"by {by}, and disputes it"
        case _:
            return f"by {by}" + (f": {out.reason}" if out.reason else "")


def _apart(known: Sources, peer: PeerPresence | None) -> ApartView | None:
    if peer is None or peer.apart is None:
        return None
    since, until = (known.wall - (known.now - moment) for moment in peer.apart)
    return ApartView(since, until)


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def _moment(milliseconds: int) -> float | None:
    return milliseconds / 1000 if milliseconds else None


def _told(facts: Facts) -> dict[str, Any]:
    """What a node says of itself."""
    return {
        "version": facts.version or None,
        "branch": facts.branch or None,
        "commit": facts.commit or None,
        "sessions": facts.sessions,
        "seats": tuple(facts.seats),
        "load": facts.load,
        "disk_free": facts.disk,
    }
