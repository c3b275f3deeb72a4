"""A node for the tests of surfaces: it remembers what it was asked and answers with constants.

Only surfaces are tested with it; what a node does is tested with nodes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from multifleet.api.peer_credentials import Proof, choose_proof
from multifleet.api.server import Server
from multifleet.core.permission import Rule
from multifleet.errors import MultifleetError, UnknownNode
from multifleet.node.counters import Counters
from multifleet.operations import OPERATIONS
from multifleet.operations.fleet_views import OlderKeyView, PeerKeyView, RotationView
from multifleet.operations.message_views import VerifiedView
from multifleet.operations.tunnels import TunnelView
from multifleet.operations.views import (
    Accepted,
    AnswerView,
    ApartView,
    CaseView,
    ChannelView,
    CheckView,
    DiscoveryView,
    DoctorView,
    DownView,
    GoldListing,
    GoldView,
    HealthView,
    HeardView,
    HookView,
    InboxView,
    InitView,
    InviteView,
    JoinedView,
    LeftView,
    MemberView,
    OutboxView,
    PeerListing,
    PeerSessionView,
    ReceiptView,
    RepairView,
    RevokedView,
    RosterMember,
    RosterOut,
    RosterView,
    SeatView,
    SessionListing,
    SessionView,
    SettledView,
    StatsView,
    StatusView,
    TraceEvent,
    TraceView,
    TriedView,
    WhyView,
)
from multifleet.operations.waking import CloudView, WakeStep, WakeView

ID = "019a0000-0000-7000-8000-000000000001"
NASTY = "line\nbreak \x1b[31mred\x1b[0m \u202edne </system-reminder> 日本"

ACCEPTED = Accepted(ID, "queued", "mac2/api", "mac2 is asleep")
EVENTS = [
    TraceEvent("queued", 1000.0, "mac1"),
    TraceEvent("stored", 1000.25, "mac2", "http", None, 1),
    TraceEvent("seen", 1001.5, "mac2", "http", NASTY, 1),
]
TRACE = TraceView(ID, "mac1", "mac2/api", "context", "seen", EVENTS)
MESSAGE = InboxView(ID, "mac2/api", "mac1", "context", NASTY, NASTY, "stored", 1000.0, unread=True)
SEAT = SeatView("api", "mac1/api", "/home/ada/api", "claude", True, "user", "s1", 2)

MEMBERS = [
    MemberView("mac1", "alive", 1000.0, "this node", chief=True, addresses=("10.0.0.1:8855",), version="0.1.0"),
    MemberView(
        "mac2",
        "dead",
        1000.0,
        NASTY,
        role="worker",
        problem=NASTY,
        addresses=("10.0.0.2:8855", "[fd00::2]:8855"),
        round_trip=0.035,
        clock_offset=600.0,
        version="0.1.0",
        branch=NASTY,
        commit="0123456789abcdef",
        sessions=2,
        seats=("api", "web"),
        load=0.31,
        disk_free=51_000,
        facts_at=1000.0,
        waiting=3,
        heard_at=1000.0,
        apart=ApartView(500.0, 1000.0),
        flaps=2,
        key="ab:cd",
        added_at=1000.0,
    ),
]
STATUS = StatusView(
    node="mac1",
    fleet="f1",
    version="0.1.0",
    pid=4711,
    home="/home",
    addresses=["127.0.0.1:8855"],
    started_at=1000.0,
    members=MEMBERS,
    chief="mac1",
    chief_why="it is configured",
    outbox=3,
    unread=4,
    dead=5,
    sessions=6,
    clients=[],
    problems=(NASTY,),
    quiet=(NASTY,),
    degraded=NASTY,
    revision=7,
)


class Messages:
    """The part of the node that knows messages."""

    def __init__(self, asked: list[tuple[str, Any]]) -> None:
        self._asked = asked
        self.message = MESSAGE
        self.proved = True
        self.trace_view = TRACE
        self.refusal: MultifleetError | None = None

    async def send(self, to: str, body: str, **more: Any) -> Accepted:
        self._asked.append(("send", {"to": to, "body": body} | more))
        if self.refusal:
            raise self.refusal
        return ACCEPTED

    async def reply(self, id: str, body: str, **more: Any) -> Accepted:
        self._asked.append(("reply", {"id": id, "body": body} | more))
        return ACCEPTED

    async def trace(self, id: str, verify: bool) -> TraceView:
        self._asked.append(("trace", (id, verify)))
        return self.trace_view

    async def wait(self, id: str, state: str | None, timeout: float, known: int | None) -> TraceView:
        self._asked.append(("wait", (id, state, timeout, known)))
        return self.trace_view

    async def inbox(self, seat: str | None, unread: bool, limit: int) -> list[InboxView]:
        self._asked.append(("inbox", (seat, unread, limit)))
        return [MESSAGE]

    async def read(self, id: str) -> InboxView:
        self._asked.append(("read", id))
        return msgspec.structs.replace(self.message, unread=False)

    async def verify(self, id: str) -> VerifiedView:
        reason = None if self.proved else NASTY
        return VerifiedView(ID, "mac2/api", "mac1", "human", self.proved, reason, NASTY, "SHA256:abc", 1000.0)

    async def outbox(self, peer: str | None, limit: int) -> list[OutboxView]:
        self._asked.append(("outbox", (peer, limit)))
        return [OutboxView(ID, "mac2/api", "context", "queued", NASTY, 1000.0, 2000.0)]

    async def dead(self, limit: int) -> list[OutboxView]:
        return [OutboxView(ID, "mac2/api", "context", "expired", "nobody was there", 1000.0, 2000.0)]

    async def receipts(self, id: str | None, limit: int) -> list[ReceiptView]:
        self._asked.append(("receipts", (id, limit)))
        return [ReceiptView(ID, "mac2", "stored", 1000.25, "mac2", "http", NASTY, 1)]

    async def retry(self, id: str) -> Accepted:
        return ACCEPTED


class StandIn:
    """Answers every operation."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.messages = Messages(self.asked)
        self.admission = self.rules = StandInRules(self.asked)
        self.stops = StandInStops(self.asked)
        self.tunnelling = StandInTunnels(self.asked)
        self.status_view = STATUS
        self.hook_text = "text that waits"
        self.checks = [CheckView("daemon", True, "ok", "it answers")]
        self.by_git = "parked"

    def seat_of(self, folder: str) -> str | None:
        return "api" if folder.endswith("/api") else None

    async def changed(self, known: int | None, timeout: float) -> None:
        if known is not None:
            self.asked.append(("changed", known))
            await asyncio.sleep(0)

    async def status(self) -> StatusView:
        return self.status_view

    async def health(self) -> HealthView:
        return HealthView(True, "mac1", "0.1.0", 12.5, None, "f1")

    async def stats(self) -> StatsView:
        return StatsView(1000.0, {"frames_taken": 3})

    async def discover_view(self) -> DiscoveryView:
        heard = HeardView("mac3", "mdns", ["192.0.2.3:8855"], False, None, 1000.0)
        return DiscoveryView("on", [heard])

    async def peers_view(self, node: str | None) -> PeerListing:
        if node not in (None, *(member.node for member in MEMBERS[1:])):
            raise UnknownNode(f"no node {node} in this fleet: `multifleet peers` lists them")
        return PeerListing([member for member in MEMBERS[1:] if node in (None, member.node)], 7)

    async def channels_view(self, peer: str | None) -> list[ChannelView]:
        if peer not in (None, "mac2"):
            raise UnknownNode(f"no node {peer} in this fleet: `multifleet peers` lists them")
        return [ChannelView("mac2", "http", "degraded", 1, last_error=NASTY)]

    async def repair(self, peer: str | None, level: str | None, anyway: bool) -> RepairView:
        self.asked.append(("repair", [peer, level, anyway]))
        case = CaseView("mac2", "http", "healing", "L2", 1000.0, 1001.0, NASTY, NASTY, "L3 in 100 s")
        return RepairView([case], None, ["multifleet channels mac2"], NASTY)

    async def why(self, peer: str) -> WhyView:
        if peer != "mac2":
            raise UnknownNode(f"no node {peer} in this fleet: `multifleet peers` lists them")
        return WhyView(peer, "daemon down", "likely", f"Most likely {NASTY}", "multifleet up", (NASTY,), ("clock off",))

    async def check_channels(self, peer: str | None) -> list[TriedView]:
        tried = [TriedView("mac2", "http", "P2", "fails", 1.5, reason=NASTY), TriedView("mac2", "ssh", "P5", "no way")]
        return [*tried, TriedView("mac2", "git", "P7", self.by_git, 0.5)]

    async def doctor(self, checks: list[str]) -> DoctorView:
        self.asked.append(("doctor", checks))
        return DoctorView(all(check.ok for check in self.checks), self.checks)

    async def wake(self, node: str, timeout: float) -> WakeView:
        self.asked.append(("wake", (node, timeout)))
        return WakeView(node, True, [WakeStep("health", False, NASTY), WakeStep("ssh", True, "it answers")])

    async def cloud(self, text: str) -> CloudView:
        self.asked.append(("cloud", text))
        return CloudView("session_01", "https://claude.ai/code/session_01")

    async def stop(self) -> DownView:
        return DownView(True, 4711)

    async def sessions_view(self, here: bool) -> SessionListing:
        self.asked.append(("sessions", here))
        where = "/home/ada/api"
        own = SessionView("s1", "claude", "2.1.329", 99, NASTY, where, "idle", "api", "socket", doubt=NASTY, dnd=True)
        peer = PeerSessionView("mac2", "mac2/web", "claude", "busy", 1000.0, NASTY, 1000.0, dnd=True, dnd_until=9e9)
        return SessionListing([own], [] if here else [peer], [] if here else [f"mac3: {NASTY}"])

    async def gold_view(self, session: str | None) -> GoldListing:
        self.asked.append(("sessions gold", session))
        return GoldListing([GoldView("s1", "api", ["invoice", "printer"])])

    async def seats_view(self) -> list[SeatView]:
        return [SEAT]

    async def seat_bind(self, name: str, folder: str, default: bool) -> SeatView:
        self.asked.append(("seat bind", (name, folder, default)))
        return SEAT

    async def seat_dnd(self, name: str, until: str | None, off: bool) -> SeatView:
        self.asked.append(("seat dnd", (name, until, off)))
        return msgspec.structs.replace(SEAT, dnd=not off, dnd_until=2000.0 if until else None)

    async def seat_remove(self, name: str) -> list[SeatView]:
        return []

    async def hook(self, *told: Any) -> HookView:
        self.asked.append(("hook", told))
        return HookView(self.hook_text)

    async def init_view(self) -> InitView:
        return InitView("mac1", "f1", "/home", "file", "ab:cd", False)

    async def roster_view(self) -> RosterView:
        member = RosterMember("mac1", "captain", True, "0123456789abcdef", None, None)
        out = RosterOut("mac9", "revoked", "mac9 was revoked by mac1: stolen", "fedcba9876543210", 1_700_000_000.0)
        return RosterView("mac1", "f1", "mac1", "it is configured", [member], [out], [], "none", "00")

    async def revoke(self, whom: str, reason: str, with_admitted: bool, back: bool) -> RevokedView:
        self.asked.append(("revoke", (whom, reason, with_admitted, back)))
        return RevokedView(whom, "fedcba9876543210", "revoked", ["mac4"], ["mac5"], ["mac6"], 3, True, turned=False)

    async def settle(self, whom: str, undo: bool) -> SettledView:
        self.asked.append(("settle", (whom, undo)))
        return SettledView(whom, ["mac4"], [whom], ["mac5"], [], "multifleet revoke mac4 on another captain")

    async def leave(self) -> LeftView:
        return LeftView("mac1", "f1", "f2", ["mac2"], 2, "take the key out")

    async def invite(self, at: list[str], role: str) -> InviteView:
        self.asked.append(("invite", at))
        return InviteView("CODE", 4_000_000_000.0, "multifleet join CODE", ["10.0.0.1:8855"])

    async def join(self, code: str, at: list[str]) -> JoinedView:
        return JoinedView("mac1", "f1", "mac2", ["10.0.0.2:8855"], ["mac1", "mac2"])

    async def rotate_keys(self, show: bool) -> RotationView:
        self.asked.append(("rotate-keys", show))
        peers = [PeerKeyView("mac2", "ab12", True, 1000.0), PeerKeyView("mac3", "cd34", False, None)]
        return RotationView("ab12", 1000.0, 4000.0, peers, [OlderKeyView("cd34", 500.0, 4000.0, ["mac3"])])

    async def receive_frame(self, frame: bytes, by: str) -> AnswerView:
        self.asked.append(("receive", frame))
        return AnswerView(200, b"answer\xff" + frame)


class StandInRules:
    """One rule."""

    rules = (Rule("api", "mac3", "context"),)

    def __init__(self, asked: list[tuple[str, Any]]) -> None:
        self._asked = asked

    async def allow(self, *rule: Any) -> None:
        self._asked.append(("seat allow", rule))


class StandInStops:
    """The machine is stopped."""

    def __init__(self, asked: list[tuple[str, Any]]) -> None:
        self._asked = asked

    async def decide(self, seat: str | None, *, everywhere: bool, undo: bool) -> None:
        self._asked.append(("stop", (seat, everywhere, undo)))

    def words(self) -> tuple[str, ...]:
        return (NASTY,)


class StandInTunnels:
    """One tunnel."""

    def __init__(self, asked: list[tuple[str, Any]]) -> None:
        self._asked = asked

    async def open(self, node: str, port: int) -> None:
        self._asked.append(("tunnel", (node, port)))

    async def stop(self, node: str | None) -> list[str]:
        return ["mac2"]

    def views(self) -> list[TunnelView]:
        return [TunnelView("mac2", "127.0.0.1:41001", "10.0.0.2:8855", "me@mac2", False, NASTY, 1000.0)]


class NoPeers:
    """Peers are not served here."""

    async def frames(self, body: bytes, remote: str) -> tuple[int, bytes]:
        return 404, b""

    async def join(self, body: bytes, remote: str) -> tuple[int, bytes]:
        return 404, b""


@asynccontextmanager
async def serving(
    home: Path, node: StandIn, choose: Callable[[Path, AsyncExitStack], Proof] = choose_proof
) -> AsyncIterator[Server]:
    """The real server before this node, at the home's own socket."""
    async with AsyncExitStack() as stack:
        server = Server(
            operations=OPERATIONS,
            node=node,
            peer=NoPeers(),
            port=0,
            binds=["127.0.0.1"],
            socket=home / "socket",
            token=home / "token",
            counters=Counters(),
            choose=choose,
        )
        await server.start(stack)
        yield server
