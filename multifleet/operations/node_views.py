"""What a user is shown about nodes: this one, its peers, its channels, its health."""

from typing import Annotated

from multifleet.operations.operation import View, about


class ClientView(View, frozen=True):
    """An agent client on this machine, and how messages reach its sessions."""

    client: Annotated[str, about("Its name, for example claude.")]
    version: Annotated[str | None, about("Its version; null when none is installed.")]
    delivers_by: Annotated[str, about("How its sessions get messages: socket, hooks or none.")]
    detail: Annotated[str | None, about("Why it is not the socket, or what its self-test found.")] = None


class StatusView(View, frozen=True):
    """This node at a glance."""

    node: Annotated[str, about("Id of this node.")]
    fleet: Annotated[str, about("Id of its fleet.")]
    version: Annotated[str, about("Version of multifleet.")]
    pid: Annotated[int, about("Process id of the daemon.")]
    home: Annotated[str, about("Folder with its keys, store and logs.")]
    addresses: Annotated[list[str], about("Where it listens, as host:port.")]
    started_at: Annotated[float, about("When the daemon started.")]
    peers: Annotated[int, about("Members of the fleet beside this node.")]
    peers_heard: Annotated[int, about("Those heard within the last half minute.")]
    outbox: Annotated[int, about("Messages that wait to be taken by their recipient.")]
    unread: Annotated[int, about("Received messages that nobody has read.")]
    dead: Annotated[int, about("Messages given up: expired, refused or undeliverable.")]
    sessions: Annotated[int, about("Agent sessions that are open on this machine.")]
    clients: Annotated[list[ClientView], about("Agent clients on this machine.")]
    degraded: Annotated[
        str | None, about("What does not work now, and what to do; null when all is well.")
    ] = None


class HealthView(View, frozen=True):
    """That the daemon answers."""

    ok: Annotated[bool, about("True: the daemon answers.")]
    node: Annotated[str, about("Id of this node.")]
    version: Annotated[str, about("Version of multifleet.")]
    uptime: Annotated[float, about("Seconds since the daemon started.")]
    degraded: Annotated[
        str | None, about("What does not work now, and what to do; null when all is well.")
    ] = None


class StatsView(View, frozen=True):
    """Counters since the daemon started."""

    started_at: Annotated[float, about("When the daemon started.")]
    counters: Annotated[dict[str, int], about("Each counter by its name.")]


class PeerView(View, frozen=True):
    """Another node of the fleet, seen from here."""

    node: Annotated[str, about("Its id.")]
    state: Annotated[str, about("heard, silent, or never: whether it was heard lately, once, or not yet.")]
    heard_at: Annotated[float | None, about("When it was last heard.")]
    addresses: Annotated[list[str], about("Where it may be reached, as host:port, best first.")]
    waiting: Annotated[int, about("Messages in the outbox for it.")]
    clock_offset: Annotated[
        float | None, about("Seconds its clock is ahead of ours; null when not known.")
    ] = None
    key: Annotated[str | None, about("Fingerprint of its pinned identity key.")] = None
    added_at: Annotated[float | None, about("When it joined.")] = None


class PeerListing(View, frozen=True):
    """The other nodes of the fleet."""

    peers: Annotated[list[PeerView], about("The peers, by id.")]


class ChannelView(View, frozen=True):
    """What is known about one way to one peer."""

    peer: Annotated[str, about("Id of the peer.")]
    channel: Annotated[str, about("Name of the channel.")]
    state: Annotated[str, about("untried, healthy, degraded, broken or healing.")]
    failures: Annotated[int, about("Failures in a row.")] = 0
    changed_at: Annotated[float | None, about("When it came into this state.")] = None
    last_ok: Annotated[float | None, about("When a signed round trip last succeeded on it.")] = None
    p95: Annotated[float | None, about("Seconds that 95 of 100 round trips stay under.")] = None
    last_error: Annotated[str | None, about("Why it failed last.")] = None


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
