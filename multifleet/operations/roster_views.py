"""What a user is shown about who is in the fleet and who is out."""

from typing import Annotated

from multifleet.operations.operation import View, about


class RosterMember(View, frozen=True):
    """A member of the fleet."""

    node: Annotated[str, about("Its id.")]
    role: Annotated[str, about("captain or worker; a captain may let others in and put them out.")]
    eligible: Annotated[bool, about("Whether it may become the chief.")]
    key: Annotated[str, about("Fingerprint of its identity key.")]
    by: Annotated[str | None, about("Node that let it in; null for a founder or a configured machine.")] = None
    at: Annotated[float | None, about("When it was let in.")] = None
    reachable: Annotated[bool, about("False as long as its card has not come: nobody here knows its address.")] = True


class RosterOut(View, frozen=True):
    """A machine that is not a member any more."""

    node: Annotated[str, about("The id it had.")]
    how: Annotated[str, about("revoked, disputed, orphaned, left or name-taken.")]
    why: Annotated[str, about("Who said so, and why.")]
    key: Annotated[str, about("Fingerprint of its identity key.")]
    at: Annotated[float | None, about("When that was said.")] = None
    admitted: Annotated[tuple[str, ...], about("Members that it had let in.")] = ()


class RosterView(View, frozen=True):
    """Who is in the fleet, who is out, and why."""

    node: Annotated[str, about("Id of this node.")]
    fleet: Annotated[str, about("Id of the fleet.")]
    chief: Annotated[str | None, about("The chief; null when there is none, which stops nothing.")]
    chief_why: Annotated[str, about("Why it is the chief, or why there is none.")]
    members: Annotated[list[RosterMember], about("The members, the most senior first.")]
    out: Annotated[list[RosterOut], about("Who is out, the latest first.")]
    disputes: Annotated[list[str], about("What a person has to settle.")]
    shared_key: Annotated[str, about("What the fleet's shared key is good for: none, open or retired.")]
    digest: Annotated[str, about("Fingerprint of all documents: equal on nodes that know the same.")]
    settled: Annotated[tuple[str, ...], about("What this machine's user has settled for this machine alone.")] = ()


class RevokedView(View, frozen=True):
    """What came of putting a machine out."""

    node: Annotated[str, about("Its id.")]
    key: Annotated[str, about("Fingerprint of the key that is out.")]
    how: Annotated[str, about("revoked; disputed where that machine has put this one out as well.")]
    stays: Annotated[list[str], about("Members that it had let in and that stay.")]
    gone: Annotated[list[str], about("Other machines that are out with it.")]
    back: Annotated[list[str], about("Machines that it had put out and that are members again.")]
    given_up: Annotated[int, about("Messages to it that are undeliverable now.")]
    told: Annotated[bool, about("Whether that machine itself has heard it.")]
    running: Annotated[bool, about("Whether the daemon is up, which tells the others at once.")] = True
    had_put_out_me: Annotated[bool, about("Whether it had put out this machine, which others may refuse then.")] = False
    already: Annotated[str | None, about("Who had put it out before, and why; null where it was in.")] = None
    already_at: Annotated[float | None, about("When that was.")] = None
    stays_out: Annotated[
        tuple[str, ...], about("Machines that it had put out and that stay out, unless bring_others_back is said.")
    ] = ()
    turned: Annotated[
        bool | None, about("Whether the fleet is stopped now, where that is another thing than before; else null.")
    ] = None
    heard: Annotated[tuple[str, ...], about("Without a daemon: members that were told now.")] = ()
    not_heard: Annotated[tuple[str, ...], about("Without a daemon: members that could not be told yet.")] = ()


class SettledView(View, frozen=True):
    """With whom this machine holds in a dispute. No other machine is told."""

    holds_with: Annotated[str | None, about("Captain whose word counts here; null where it was taken back.")]
    against: Annotated[list[str], about("Machines that it had put out, and that are out here for good.")]
    back: Annotated[list[str], about("Members again on this machine.")]
    gone: Annotated[list[str], about("Out on this machine now.")]
    disputes: Annotated[list[str], about("What is still disputed here.")]
    note: Annotated[str, about("That it holds on this machine alone, and what settles it for all.")]


class LeftView(View, frozen=True):
    """What came of leaving a fleet."""

    node: Annotated[str, about("Id of this node.")]
    fleet: Annotated[str, about("Id of the fleet that it left.")]
    new_fleet: Annotated[str, about("Id of its fleet of one; that which it was in, where it was one already.")]
    told: Annotated[list[str], about("Members that have heard it; they tell the others.")]
    given_up: Annotated[int, about("Messages that are undeliverable now.")]
    note: Annotated[str | None, about("What else there is to do.")] = None
    waits: Annotated[tuple[str, ...], about("Members that did not answer and will find it, with the place.")] = ()
    not_told: Annotated[tuple[str, ...], about("Members that nothing reached.")] = ()
    running: Annotated[bool, about("Whether the daemon was up; without it only the direct way is tried.")] = True
