"""A fleet node: the engine, and what a user can ask of it beside its messages."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from multifleet import __version__
from multifleet.core.documents import Role
from multifleet.core.frame import read_header
from multifleet.core.roster_view import View
from multifleet.errors import BadInput
from multifleet.loading import load
from multifleet.node import picture
from multifleet.node.checks.connecting import complaints
from multifleet.node.delivery.picture import channel_views
from multifleet.node.engine import Engine
from multifleet.node.healing import by_hand
from multifleet.node.keys.keystore import kept_in
from multifleet.node.lost_stores import what_was_lost
from multifleet.node.offering.live_sessions import AT_TERMINAL
from multifleet.node.offering.other_clients import SHOWN_AT_START
from multifleet.node.offering.session_listing import gold_listing, session_listing
from multifleet.node.roster.picture import roster_view, settled_here
from multifleet.node.roster.words import COME_BACK, HAS_LEFT, maybe_out_words, me_out_words, who_refuses
from multifleet.operations.fleet_views import RotationView
from multifleet.operations.views import (
    AnswerView,
    ChannelView,
    DiscoveryView,
    DoctorView,
    DownView,
    GoldListing,
    HealthView,
    HookView,
    InitView,
    InviteView,
    JoinedView,
    LeftView,
    PeerListing,
    RepairView,
    RevokedView,
    RosterView,
    SeatView,
    SessionListing,
    SettledView,
    StatsView,
    StatusView,
    TriedView,
    WhyView,
)
from multifleet.operations.waking import CloudView, WakeView
from multifleet.sessions.claude_registry import CLIENT as CLAUDE
from multifleet.sessions.seeds import is_session_id

if TYPE_CHECKING:
    from multifleet.node.diagnosis.diagnosing import Diagnosing

SESSION_START = "SessionStart"
SSH = "ssh"
TAKEN = (200, 409)
"""How a frame is answered that is here now, or was before."""
COMPARE_SECONDS = 5.0
"""For getting to know the others, once this node is let in."""


class Node(Engine):
    """One node of the fleet, as the operations see it; `messages` has the rest."""

    _diagnoses: "Diagnosing | None" = None

    async def health(self) -> HealthView:
        """That the daemon answers; never touches the store."""
        uptime, fleet = self.clock.now() - self.started_at, self.members.fleet
        return HealthView(True, self.id, __version__, uptime, self.store.database.degraded, fleet)

    async def changed(self, known: int | None, timeout: float) -> None:
        """Wait until something has happened since that revision, or the time is up."""
        if known is not None:
            await self.events.changed(known, timeout)

    async def status(self) -> StatusView:
        """This node and the fleet, seen from here."""
        revision = self.events.revision
        found = await self.offering.live.find()
        counts = await self.store.outbox.counts()
        known, why = self._known(counts)
        own = await self.facts.look(found)
        mine = picture.this_node(known, self.id, own, self.own_addresses(), self.started_at)
        out = known.view.me_out
        return StatusView(
            node=self.id,
            fleet=self.members.fleet,
            version=__version__,
            pid=os.getpid(),
            home=str(self.home),
            addresses=[f"{host}:{port}" for host, port in self.listens],
            started_at=self.started_at,
            members=[mine, *picture.others(known, self.id)],
            chief=known.chief,
            chief_why=why,
            outbox=sum(counts.values()),
            unread=await self.store.inbox.unread_count(),
            dead=await self.store.outbox.dead_count(),
            sessions=len(found.sessions),
            clients=self.offering.clients.views(found.sessions),
            problems=(
                *picture.problems(known.view, self.rostering.key_changes, self.clock.now(), known.rows),
                *settled_here(self.rostering),
                *self._maybe_out(known.view),
                *self._left_words(),
            ),
            stopped=self.stops.words(),
            quiet=self.offering.quiet.words(),
            repairs=tuple(by_hand.under_way(self.healing, self.targets, self.clock.now())),
            settings=(*await self.config_state.words(), *complaints(self)),
            degraded=(me_out_words(out) if out else None)
            or self.store.database.degraded
            or await asyncio.to_thread(what_was_lost, self.home),
            revision=revision,
        )

    def _maybe_out(self, view: View) -> list[str]:
        """That the other members refuse this node, where nobody has told it that it is out."""
        refusing = who_refuses(self.outboxes.last_reasons()) if view.me_out is None else []
        words = maybe_out_words(refusing, len(view.members) - 1)
        return [words] if words else []

    def _left_words(self) -> tuple[str, ...]:
        return (f"{HAS_LEFT}: {COME_BACK}",) if self.membership.has_left else ()

    async def peers_view(self, node: str | None = None) -> PeerListing:
        """The other members, or one of them."""
        revision = self.events.revision
        known, _ = self._known(await self.store.outbox.counts())
        views = picture.others(known, self.id)
        if node is not None:
            views = [view for view in views if view.node == node]
            if not views:
                self.membership.need(node)
        return PeerListing(views, revision)

    async def discover_view(self) -> DiscoveryView:
        """What is heard on the network."""
        from multifleet.node.discovery.shown import discovery_view
        from multifleet.node.discovery.why_off import why_off

        off = why_off(self.config.mdns, self.binds if self.listens else ())
        return discovery_view(self.discovery, self._state_of, self.clock, off)

    def _known(self, waiting: Mapping[str, int]) -> tuple[picture.Sources, str]:
        """What roster, presence and outbox know at this moment, and why the chief is the chief."""
        view, peers = self.rostering.view, self.presence.peers()
        chief, why = picture.choose_chief(view, peers, self.id, self.roles.chief)
        known = picture.Sources(
            view=view,
            presence={peer.name: peer for peer in peers},
            members={member.node: member for member in self.members.others()},
            waiting=waiting,
            chief=chief,
            now=self.clock.monotonic(),
            wall=self.clock.now(),
            rows=self.rostering.rows,
        )
        return known, why

    async def channels_view(self, peer: str | None) -> list[ChannelView]:
        """Every channel to every peer, or to one."""
        wanted = [self.members.need(peer)] if peer else self.members.others()
        return channel_views(wanted, self.targets, self.health_of_channels, self.clock.now())

    async def repair(self, peer: str | None, level: str | None, anyway: bool = False) -> RepairView:
        """Climb the ladder for a peer now, or show it."""
        return await by_hand.repair(
            self.healing, self.targets, self.health_of_channels, self._state_of, self.clock.now, peer, level, anyway
        )

    async def why(self, peer: str) -> WhyView:
        """What is wrong with a peer."""
        return await (await self._diagnosing()).why(peer)

    async def check_channels(self, peer: str | None) -> list[TriedView]:
        """Every channel to one peer, or to all, tried now."""
        return await (await self._diagnosing()).check(peer)

    async def _diagnosing(self) -> "Diagnosing":
        await load("multifleet.node.diagnosis.diagnosing")
        if self._diagnoses is None:
            from multifleet.node.diagnosis.diagnosing import Diagnosing

            self._diagnoses = Diagnosing(self)
        return self._diagnoses

    async def stats(self) -> StatsView:
        """Counters since the start."""
        return StatsView(self.started_at, self.counters.snapshot())

    async def sessions_view(self, here: bool) -> SessionListing:
        """Open agent sessions of the fleet, or of this machine."""
        return await session_listing(self, here=here)

    async def gold_view(self, session: str | None) -> GoldListing:
        """What the sessions of this machine are about."""
        return await gold_listing(self.offering.live, self.offering.golds, session)

    async def seats_view(self) -> list[SeatView]:
        """The seats of this node."""
        return await self.offering.live.seat_views(self.id, await self.offering.waiting())

    async def seat_bind(self, name: str, folder: str, default: bool) -> SeatView:
        """Bind a seat to a folder."""
        await self.seats.bind(name, folder, default)
        self.offering.wake()
        return next(view for view in await self.seats_view() if view.name == name)

    async def seat_remove(self, name: str) -> list[SeatView]:
        """Forget a seat; what is left."""
        await self.seats.remove(name)
        return await self.seats_view()

    async def seat_dnd(self, name: str, until: str | None, off: bool) -> SeatView:
        """Leave the sessions of a seat alone, or no longer."""
        await self.offering.leave_alone(name, until, off=off)
        return next(view for view in await self.seats_view() if view.name == name)

    def seat_of(self, folder: str) -> str | None:
        """The seat of a folder, if it has one."""
        return self.seats.known_for(os.path.realpath(folder))

    async def init_view(self) -> InitView:
        """This node's identity."""
        return InitView(
            self.id,
            self.members.fleet,
            str(self.home),
            kept_in(self.home),
            self.members.identity.public.hex()[:16],
            False,
        )

    async def invite(self, at: list[str], role: Role = "captain") -> InviteView:
        """A code that lets one machine in."""
        made = await self.joining.invite(at, role)
        return InviteView(made.code, made.expires_at, made.command, made.addresses, role=role)

    async def join(self, code: str, at: list[str]) -> JoinedView:
        """Join the fleet of the machine that showed the code."""
        inviter, addresses = await self.joining.join(code, at)
        try:
            async with asyncio.timeout(COMPARE_SECONDS):
                await self.roster_exchange.reconcile(inviter)
        except TimeoutError:
            pass  # it is in, and learns of the others in time
        members = sorted(member.node for member in self.members)
        return JoinedView(self.id, self.members.fleet, inviter, addresses, members)

    async def rotate_keys(self, show: bool) -> RotationView:
        """Renew the X25519 key, or only show how far that is."""
        if not show:
            await self.rotation.start()
        return self.rotation.view()

    async def roster_view(self) -> RosterView:
        """Who is in the fleet, and who is out."""
        chief, why = picture.choose_chief(self.rostering.view, self.presence.peers(), self.id, self.roles.chief)
        return roster_view(self.rostering, self.id, chief, why, self.clock.now(), is_shared=self.membership.is_shared)

    async def revoke(self, whom: str, reason: str, with_admitted: bool, bring_others_back: bool) -> RevokedView:
        """Put a machine out."""
        return await self.captaincy.revoke(
            whom, reason, with_admitted=with_admitted, bring_others_back=bring_others_back, running=self.is_running
        )

    async def settle(self, whom: str, undo: bool) -> SettledView:
        """Hold with one side of a dispute, on this machine alone."""
        return await self.captaincy.settle(whom, undo=undo)

    async def leave(self) -> LeftView:
        """Leave the fleet."""
        return await self.captaincy.leave(running=self.is_running)

    async def wake(self, node: str, timeout: float) -> WakeView:
        """Find a machine awake, or wake it."""
        return await self.waking.wake(node, timeout)

    async def cloud(self, text: str) -> CloudView:
        """Make a cloud session."""
        return await self.waking.cloud(text)

    async def doctor(self, checks: list[str]) -> DoctorView:
        """Ask all questions, or the named ones."""
        await load("multifleet.node.doctor")
        from multifleet.node.doctor import examine

        return await examine(self, checks)

    async def hook(
        self,
        event: str,
        session_id: str,
        cwd: str,
        transcript_path: str | None = None,
        source: str | None = None,
        entrypoint: str | None = None,
        pid: int | None = None,
        client: str = "claude",
    ) -> HookView:
        """What a hook of an agent client is to show."""
        if event != SESSION_START:
            return HookView("")
        if not os.path.isabs(cwd):
            raise BadInput("cwd is an absolute path")
        cwd = str(Path(cwd))
        later = None
        if client != CLAUDE:
            if not is_session_id(session_id):
                raise BadInput("session_id is made of letters, digits, '-' and '_'")
            told = self.offering.others.announce(client, session_id, cwd, pid, transcript_path)
            later = None if client in SHOWN_AT_START else told
        text = await self.offering.session_started(session_id, cwd, entrypoint == AT_TERMINAL, later)
        return HookView(text)

    async def receive_frame(self, frame: bytes, by: str = "local") -> AnswerView:
        """A frame that came by way of a process of this user; over SSH it takes back what waits for its sender."""
        status, answer = await self.receiving.take(frame, "", by)
        left = await self.here.waiting_for(read_header(frame).sender) if by == SSH and status in TAKEN else None
        return AnswerView(status, answer, [left] if left else [])

    def _state_of(self, node: str) -> str | None:
        member = self.members.get(node)
        return None if member is None else str(self.presence.peer(node).state)

    async def stop(self) -> DownView:
        """Stop the daemon, once this answer is out."""
        self.stopping.set()
        return DownView(True, os.getpid())
