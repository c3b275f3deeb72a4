"""What a user is shown about agent sessions and seats."""

from typing import Annotated

from multifleet.operations.operation import View, about


class SessionView(View, frozen=True):
    """An agent session that is open on this machine."""

    session: Annotated[str, about("The client's id of the session.")]
    client: Annotated[str, about("Its client, for example claude.")]
    version: Annotated[str | None, about("Version of that client.")]
    pid: Annotated[int | None, about("Process id of the session; none where only its transcript tells of it.")]
    name: Annotated[str | None, about("Name shown by the client.")]
    cwd: Annotated[str | None, about("Folder it works in; none where that is not known.")]
    status: Annotated[str, about("idle, busy or waiting, as the client says; else unknown.")]
    seat: Annotated[str | None, about("Seat whose messages it gets.")]
    delivers_by: Annotated[str, about("How messages reach it: socket, hooks or none.")]
    started_at: Annotated[float | None, about("When it started.")] = None
    updated_at: Annotated[float | None, about("When the client last wrote its record.")] = None
    since: Annotated[float | None, about("Since when it has that status.")] = None
    branch: Annotated[str | None, about("Git branch in that folder.")] = None
    dnd: Annotated[bool, about("Whether its seat is not to be disturbed now; alerts pass.")] = False
    dnd_until: Annotated[float | None, about("When that ends; null: when it is turned off.")] = None
    seen_by: Annotated[list[str], about("What tells of it: registry, processes, transcripts.")] = []  # noqa: RUF012
    doubt: Annotated[str | None, about("Where these do not agree.")] = None
    mate_of: Annotated[str | None, about("Of a team mate: the id of the session that leads its team.")] = None


class PeerSessionView(View, frozen=True):
    """An agent session that is open on another machine, as that machine tells."""

    node: Annotated[str, about("The machine.")]
    address: Annotated[str | None, about("What to write to; none where it sits on no seat.")]
    client: Annotated[str, about("Its client, for example claude.")]
    status: Annotated[str, about("idle, busy, waiting (for its user) or unknown.")]
    since: Annotated[float | None, about("Since when it has that status.")]
    branch: Annotated[str | None, about("Git branch in its folder.")]
    told_at: Annotated[float, about("When its machine told so.")]
    dnd: Annotated[bool, about("Whether its seat is not to be disturbed now; alerts pass.")] = False
    dnd_until: Annotated[float | None, about("When that ends; null: when it is turned off.")] = None
    mate: Annotated[bool, about("Whether it is a team mate of a session there.")] = False


class SessionListing(View, frozen=True):
    """Open agent sessions."""

    sessions: Annotated[list[SessionView], about("Those of this machine.")]
    peers: Annotated[list[PeerSessionView], about("Those of the other machines, by machine and seat.")] = []  # noqa: RUF012
    notes: Annotated[list[str], about("Machines that could not be asked now, and why.")] = []  # noqa: RUF012
    without: Annotated[list[str], about("Other machines that tell of no open session.")] = []  # noqa: RUF012


class GoldView(View, frozen=True):
    """What one session is about."""

    session: Annotated[str, about("The client's id of the session.")]
    seat: Annotated[str | None, about("Seat it sits on.")]
    words: Annotated[
        list[str], about("Words from names of files and code, and from its branch; the most telling first.")
    ]


class GoldListing(View, frozen=True):
    """What the open sessions of this machine are about."""

    sessions: Annotated[list[GoldView], about("Those that have a transcript.")]


class SeatView(View, frozen=True):
    """A durable address for the agent sessions of one folder."""

    name: Annotated[str, about("Name of the seat.")]
    address: Annotated[str, about("What peers write to, as node/seat.")]
    folder: Annotated[str, about("Project folder it is bound to.")]
    client: Annotated[
        str | None, about("Client whose sessions sit there; null where its user bound it, and none is open.")
    ]
    default: Annotated[bool, about("Whether messages without a seat wait here.")]
    bound_by: Annotated[str, about("user, or seen when an open session made it.")]
    session: Annotated[str | None, about("Open session that would get its messages now.")] = None
    waiting: Annotated[int, about("Messages that wait for a session.")] = 0
    dnd: Annotated[bool, about("Whether its sessions are not to be disturbed now; alerts pass.")] = False
    dnd_until: Annotated[float | None, about("When that ends; null: when it is turned off.")] = None


class SeatListing(View, frozen=True):
    """The seats of this node."""

    seats: Annotated[list[SeatView], about("The seats, by name.")]


class HookView(View, frozen=True):
    """What a hook of an agent client adds to the session."""

    text: Annotated[str, about("Fenced text for the session's context; empty when nothing waits.")]
