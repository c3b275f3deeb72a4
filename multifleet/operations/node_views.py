"""What a user is shown about nodes: this one, its peers, its channels, its health."""

from typing import Annotated

from multifleet.operations.operation import View, about


class ClientView(View, frozen=True):
    """An agent client on this machine, and how messages reach its sessions."""

    client: Annotated[str, about("Its name, for example claude.")]
    version: Annotated[str | None, about("Its version; empty when it is not known.")]
    delivers_by: Annotated[str, about("How its sessions get messages: socket, hooks or none.")]
    detail: Annotated[str | None, about("Why it is not the socket, or what its self-test found.")] = None


class ApartView(View, frozen=True):
    """A time in which this node and another did not hear each other while both ran."""

    since: Annotated[float, about("When they lost each other.")]
    until: Annotated[float | None, about("When they found each other again; null while they have not.")] = None


class MemberView(View, frozen=True):
    """A member of the fleet, seen from this node."""

    node: Annotated[str, about("Its id.")]
    state: Annotated[str, about("alive, suspect, dead, asleep, left or revoked.")]
    since: Annotated[float | None, about("Since when.")] = None
    how: Annotated[str | None, about("How that is known.")] = None
    role: Annotated[str, about("captain, who may admit and revoke, or worker.")] = "captain"
    chief: Annotated[bool, about("Whether it is the chief of the fleet.")] = False
    problem: Annotated[str | None, about("What is wrong with its membership, and what to do about it.")] = None
    addresses: Annotated[tuple[str, ...], about("Where it may be reached, as host:port, best first.")] = ()
    round_trip: Annotated[float | None, about("Seconds that a ping and its answer take.")] = None
    clock_offset: Annotated[float | None, about("Seconds its clock is ahead of ours; null when not known.")] = None
    version: Annotated[str | None, about("Its version of multifleet.")] = None
    branch: Annotated[str | None, about("The git branch that it works on.")] = None
    commit: Annotated[str | None, about("The git commit that it works on.")] = None
    sessions: Annotated[int | None, about("Agent sessions that are open there.")] = None
    seats: Annotated[tuple[str, ...], about("Some of its seats with an open session.")] = ()
    load: Annotated[float | None, about("Its load of the last minute, for each of its processors.")] = None
    disk_free: Annotated[int | None, about("Megabytes that are free on its disk.")] = None
    facts_at: Annotated[float | None, about("When it said so of itself: version to disk_free.")] = None
    waiting: Annotated[int, about("Messages in the outbox for it.")] = 0
    heard_at: Annotated[float | None, about("When it was last heard.")] = None
    apart: Annotated[ApartView | None, about("When this node and it were last apart.")] = None
    flaps: Annotated[int, about("How often it was taken for dead and came back, since the daemon started.")] = 0
    key: Annotated[str | None, about("Fingerprint of its identity key.")] = None
    added_at: Annotated[float | None, about("When it joined.")] = None


class StatusView(View, frozen=True):
    """This node and the fleet, seen from here."""

    node: Annotated[str, about("Id of this node.")]
    fleet: Annotated[str, about("Id of its fleet.")]
    version: Annotated[str, about("Version of multifleet.")]
    pid: Annotated[int, about("Process id of the daemon.")]
    home: Annotated[str, about("Folder with its keys, store and logs.")]
    addresses: Annotated[list[str], about("Where it listens, as host:port.")]
    started_at: Annotated[float, about("When the daemon started.")]
    members: Annotated[list[MemberView], about("This node, the other members by id, and then whoever is out.")]
    chief: Annotated[str | None, about("The chief of the fleet; null when there is none, which stops nothing.")]
    chief_why: Annotated[str, about("Why it is the chief, or why there is none.")]
    outbox: Annotated[int, about("Messages that wait to be taken by their recipient.")]
    unread: Annotated[int, about("Received messages that nobody has read.")]
    dead: Annotated[int, about("Messages given up: expired, refused or undeliverable.")]
    sessions: Annotated[int, about("Agent sessions that are open on this machine.")]
    clients: Annotated[list[ClientView], about("Agent clients on this machine.")]
    problems: Annotated[tuple[str, ...], about("What a person has to settle about who is in the fleet.")] = ()
    stopped: Annotated[
        tuple[str, ...], about("What is stopped: nothing is shown to its sessions, and what comes is kept.")
    ] = ()
    quiet: Annotated[tuple[str, ...], about("Seats whose sessions are not to be disturbed, and until when.")] = ()
    repairs: Annotated[tuple[str, ...], about("Channels that do not work, and what is done about them.")] = ()
    settings: Annotated[
        tuple[str, ...], about("Values in config.json that are of no use, and that it was changed since the start.")
    ] = ()
    degraded: Annotated[str | None, about("What does not work now, and what to do; null when all is well.")] = None
    revision: Annotated[int, about("Changes with what is shown here; times alone do not change it.")] = 0


class HealthView(View, frozen=True):
    """That the daemon answers."""

    ok: Annotated[bool, about("True: the daemon answers.")]
    node: Annotated[str, about("Id of this node.")]
    version: Annotated[str, about("Version of multifleet.")]
    uptime: Annotated[float, about("Seconds since the daemon started.")]
    degraded: Annotated[str | None, about("What does not work now, and what to do; null when all is well.")] = None
    fleet: Annotated[str, about("Id of its fleet.")] = ""


class StatsView(View, frozen=True):
    """Counters since the daemon started."""

    started_at: Annotated[float, about("When the daemon started.")]
    counters: Annotated[dict[str, int], about("Each counter by its name.")]


class PeerListing(View, frozen=True):
    """The other nodes of the fleet."""

    peers: Annotated[list[MemberView], about("The other members by id, and then whoever is out.")]
    revision: Annotated[int, about("Changes with what is shown here; times alone do not change it.")] = 0


class ChannelView(View, frozen=True):
    """What is known about one way to one peer."""

    peer: Annotated[str, about("Id of the peer.")]
    channel: Annotated[str, about("Name of the channel.")]
    state: Annotated[str, about("untried, healthy, degraded, broken or healing.")]
    failures: Annotated[int, about("Failures in a row.")] = 0
    changed_at: Annotated[float | None, about("When it came into this state.")] = None
    priority: Annotated[str, about("Its place in the protocol, P0 to P8.")] = ""
    last_ok: Annotated[float | None, about("When a signed round trip last succeeded on it.")] = None
    last_parked: Annotated[
        float | None, about("When it last left something where it waits for the peer; null where this run has not.")
    ] = None
    round_trip: Annotated[float | None, about("Seconds that half of the latest round trips took at the most.")] = None
    p95: Annotated[float | None, about("Seconds that 95 of 100 round trips stay under.")] = None
    last_error: Annotated[str | None, about("Why it failed last.")] = None
    why_not: Annotated[str | None, about("Why there is no such way there; null where there is one to try.")] = None


class ChannelListing(View, frozen=True):
    """Every channel to every peer."""

    channels: Annotated[list[ChannelView], about("The channels, by peer and priority.")]


class CheckView(View, frozen=True):
    """One question of the doctor, answered."""

    id: Annotated[str, about("Name of the check.")]
    ok: Annotated[bool, about("False when it fails or could not be answered.")]
    level: Annotated[str, about("ok, warn or fail.")]
    says: Annotated[str, about("What was found.")]
    remedy: Annotated[str | None, about("What to do about it.")] = None


class DoctorView(View, frozen=True):
    """All checks of this node."""

    ok: Annotated[bool, about("Whether no check fails.")]
    checks: Annotated[list[CheckView], about("The checks, in the order they were asked.")]


class DownView(View, frozen=True):
    """That the daemon is stopping."""

    stopping: Annotated[bool, about("True: it stops once this answer is out.")]
    pid: Annotated[int, about("Process id of the daemon that stops.")]
