"""The agent sessions of this machine, found in three ways that are compared, for somebody who looks."""

import asyncio
from pathlib import Path

import msgspec

from multifleet.core.session_sightings import Process, Registered, Written, sightings
from multifleet.node.offering.live_sessions import LiveSessions
from multifleet.node.offering.own_cards import branches_of
from multifleet.operations.session_views import SessionView
from multifleet.sessions import claude_traces
from multifleet.sessions.claude_registry import CLIENT
from multifleet.sessions.claude_transcript import folder_name


async def detected(live: LiveSessions, wall: float) -> list[SessionView]:
    """All that are seen in some way; only those of the registry get messages."""
    views = await live.session_views()
    processes, written = await asyncio.to_thread(_traces, live.config)
    cwds = {process.pid: cwd for process, cwd in processes or ()}
    named = [
        Registered(one.session, one.pid or 0, one.status, one.started_at or 0.0, one.since or one.updated_at or 0.0)
        for one in views
        if one.client == CLIENT and one.mate_of is None  # a mate is seen in its lead's list alone
    ]
    found = sightings(named, [process for process, _ in processes] if processes is not None else None, written, wall)
    rows = {view.session: view for view in views}
    for one in found:
        cwd = cwds.get(one.pid) if one.pid is not None else None
        if one.id not in rows and _is_own(cwd, written.get(one.id), live):
            continue
        row = rows.get(one.id) or _unnamed(one.id, one.pid, cwd, live)
        rows[one.id] = msgspec.structs.replace(row, seen_by=list(one.seen_by), doubt=one.doubt)
    branches = await branches_of(row.cwd for row in rows.values() if row.cwd is not None)
    return [msgspec.structs.replace(row, branch=branches.get(row.cwd or "")) for row in rows.values()]


def _is_own(cwd: str | None, file: Written | None, live: LiveSessions) -> bool:
    """Whether it is the node's own work, of which nobody is told."""
    if cwd is not None:
        return live.is_own(cwd)
    return file is not None and any(file.folder.startswith(folder_name(str(home))) for home in live.homes)


def _traces(config: Path) -> tuple[list[tuple[Process, str | None]] | None, dict[str, Written]]:
    return claude_traces.processes(config), claude_traces.transcripts(config)


def _unnamed(session: str, pid: int | None, cwd: str | None, live: LiveSessions) -> SessionView:
    """A session that the registry does not have."""
    return SessionView(
        session=session,
        client=CLIENT,
        version=None,
        pid=pid,
        name=None,
        cwd=cwd,
        status="unknown",
        seat=live.seats.known_for(cwd) if cwd is not None else None,
        delivers_by="none",
    )
