"""Looking at this node, its peers and its channels, and stopping it."""

from typing import TYPE_CHECKING, Annotated

import msgspec

from multifleet.operations.node_views import (
    ChannelListing,
    DoctorView,
    DownView,
    HealthView,
    PeerListing,
    StatsView,
    StatusView,
)
from multifleet.operations.operation import Effect, Operation, Request, about

if TYPE_CHECKING:
    from multifleet.node.node import Node


LONGEST_WAIT = 60.0
"""Seconds that one request may wait for a change."""
_WATCH = ("known", "timeout")


class Nothing(Request, frozen=True):
    """A question without fields."""


class Status(Request, frozen=True):
    """What of this is known already."""

    known: Annotated[int | None, about("Answer once the revision is another than this.")] = None
    timeout: Annotated[
        float, msgspec.Meta(ge=0, le=LONGEST_WAIT, description="Seconds to wait for that at the most.")
    ] = 0.0


class Peers(Status, frozen=True):
    """Which peers to show."""

    node: Annotated[str | None, about("Only this node, with all that is known of it.")] = None


class Channels(Request, frozen=True):
    """Which channels to show."""

    peer: Annotated[str | None, about("Only the channels to this node.")] = None


class Doctor(Request, frozen=True):
    """Which checks to make."""

    check: Annotated[str | None, about("Make only this check.")] = None


async def status(node: "Node", request: Status) -> StatusView:
    """Show the fleet as this node sees it: who is there, how that is known, what waits, and what does not work."""
    await node.changed(request.known, request.timeout)
    found = await node.status()
    return msgspec.structs.replace(found, addresses=[_bracketed(address) for address in found.addresses])


async def health(node: "Node", request: Nothing) -> HealthView:
    """Say whether the daemon answers."""
    return await node.health()


async def stats(node: "Node", request: Nothing) -> StatsView:
    """Show the counters since the daemon started."""
    return await node.stats()


async def peers(node: "Node", request: Peers) -> PeerListing:
    """List the other nodes of the fleet: the state of each, how it is known, addresses, branch, sessions, load."""
    await node.changed(request.known, request.timeout)
    return await node.peers_view(request.node)


async def channels(node: "Node", request: Channels) -> ChannelListing:
    """Show every channel to every peer: its state, when it worked last, how quick it is, or why there is none."""
    return ChannelListing(channels=await node.channels_view(request.peer))


async def doctor(node: "Node", request: Doctor) -> DoctorView:
    """Check this node and say what to do about each fault."""
    return await node.doctor([request.check] if request.check else [])


async def down(node: "Node", request: Nothing) -> DownView:
    """Stop the daemon; messages that wait are kept."""
    return await node.stop()


def _bracketed(address: str) -> str:
    """HOST:PORT as it is typed: a host with colons in it stands in brackets."""
    host, _, port = address.rpartition(":")
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else address


OPERATIONS = (
    Operation("status", "GET /status", Effect.READS, Status, StatusView, status, mcp=True, quiet=_WATCH),
    Operation("health", "GET /health", Effect.READS, Nothing, HealthView, health),
    Operation("stats", "GET /stats", Effect.READS, Nothing, StatsView, stats, slash=False),
    Operation(
        "peers",
        "GET /peers",
        Effect.READS,
        Peers,
        PeerListing,
        peers,
        positional=("node",),
        mcp=True,
        quiet=_WATCH,
    ),
    Operation(
        "channels",
        "GET /channels",
        Effect.READS,
        Channels,
        ChannelListing,
        channels,
        positional=("peer",),
    ),
    Operation(
        "doctor",
        "GET /doctor",
        Effect.READS,
        Doctor,
        DoctorView,
        doctor,
        positional=("check",),
        mcp=True,
        local_cli=True,
    ),
    Operation("down", "POST /down", Effect.DISRUPTS, Nothing, DownView, down, local_cli=True),
)
