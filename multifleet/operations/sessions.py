"""Looking at agent sessions, binding seats to folders, and what the clients' hooks ask."""

from typing import TYPE_CHECKING, Annotated, Literal

from multifleet.operations.nodes import Nothing
from multifleet.operations.operation import Effect, Operation, Request, about
from multifleet.operations.session_views import GoldListing, HookView, SeatListing, SeatView, SessionListing

if TYPE_CHECKING:
    from multifleet.node.node import Node


class Sessions(Request, frozen=True):
    """Which sessions to list."""

    here: Annotated[bool, about("Only those of this machine.")] = False


class Gold(Request, frozen=True):
    """Whose gold to show."""

    session: Annotated[str | None, about("Only this session, by the client's id of it.")] = None


class SeatBind(Request, frozen=True):
    """A seat to make or move."""

    name: Annotated[str, about("Name of the seat: lower-case letters, digits, '.', '_' and '-'.")]
    folder: Annotated[str, about("Project folder whose sessions sit there.")]
    default: Annotated[bool, about("Let messages without a seat wait here.")] = False


class SeatRemove(Request, frozen=True):
    """A seat to remove."""

    name: Annotated[str, about("Name of the seat.")]


class SeatDnd(Request, frozen=True):
    """A seat to leave alone."""

    name: Annotated[str, about("Name of the seat.")]
    until: Annotated[
        str | None, about("How long (30m, 2h, 1d) or until when (18:30); until it is turned off, unless told.")
    ] = None
    off: Annotated[bool, about("Disturb it again.")] = False


class Hook(Request, frozen=True):
    """What a client's hook knows of its session."""

    event: Annotated[Literal["SessionStart", "UserPromptSubmit", "Stop"], about("Which hook runs.")]
    session_id: Annotated[str, about("The client's id of the session.")]
    cwd: Annotated[str, about("Folder the session works in.")]
    transcript_path: Annotated[str | None, about("File the client writes the session to.")] = None
    source: Annotated[str | None, about("Why the session started: startup, resume, clear or compact.")] = None
    entrypoint: Annotated[str | None, about("How the client was started, for example cli or sdk-cli.")] = None
    pid: Annotated[int | None, about("Process id of the client.")] = None
    client: Annotated[Literal["claude", "codex", "gemini", "qwen"], about("Which client it is.")] = "claude"


async def sessions(node: "Node", request: Sessions) -> SessionListing:
    """List the agent sessions that are open in the fleet: who runs what where, idle since when, on which branch."""
    return await node.sessions_view(request.here)


async def gold(node: "Node", request: Gold) -> GoldListing:
    """Show in a few words what the open sessions of this machine are about.

    The words come from names of files and code that a session worked on, and from its branch; never from what was said.
    They stay on this machine.
    """
    return await node.gold_view(request.session)


async def seats(node: "Node", request: Nothing) -> SeatListing:
    """List the seats of this node: the addresses that peers write to."""
    return SeatListing(seats=await node.seats_view())


async def seat_bind(node: "Node", request: SeatBind) -> SeatView:
    """Give the agent sessions of a project folder an address that lasts."""
    return await node.seat_bind(request.name, request.folder, request.default)


async def seat_remove(node: "Node", request: SeatRemove) -> SeatListing:
    """Remove a seat; messages for it wait at the default seat."""
    return SeatListing(seats=await node.seat_remove(request.name))


async def seat_dnd(node: "Node", request: SeatDnd) -> SeatView:
    """Show the sessions of a seat nothing but alerts for a while; messages wait in the inbox."""
    return await node.seat_dnd(request.name, request.until, request.off)


async def hook(node: "Node", request: Hook) -> HookView:
    """Tell the daemon of a session's hook, and take the text that waits for it."""
    return await node.hook(
        request.event,
        request.session_id,
        request.cwd,
        request.transcript_path,
        request.source,
        request.entrypoint,
        request.pid,
        request.client,
    )


OPERATIONS = (
    Operation("sessions", "GET /sessions", Effect.READS, Sessions, SessionListing, sessions, mcp=True),
    Operation(
        "sessions gold",
        "GET /sessions/gold",
        Effect.READS,
        Gold,
        GoldListing,
        gold,
        positional=("session",),
        slash=False,
    ),
    Operation("seats", "GET /seats", Effect.READS, Nothing, SeatListing, seats),
    Operation(
        "seat bind",
        "POST /seats",
        Effect.WRITES,
        SeatBind,
        SeatView,
        seat_bind,
        positional=("name", "folder"),
    ),
    Operation(
        "seat remove",
        "POST /seats/remove",
        Effect.WRITES,
        SeatRemove,
        SeatListing,
        seat_remove,
        positional=("name",),
    ),
    Operation(
        "seat dnd", "POST /seats/dnd", Effect.WRITES, SeatDnd, SeatView, seat_dnd, positional=("name",)
    ),
    Operation("hook", "POST /hook", Effect.WRITES, Hook, HookView, hook, slash=False, local_cli=True),
)
