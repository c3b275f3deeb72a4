"""Members of the fleet for people: the table that `status` and `peers` share, and all that is known of one."""

import time
from typing import Any

from multifleet.cli.columns import EMPTY, Column, wide_table
from multifleet.cli.table import ago, cell, day, span

Member = dict[str, Any]

OUT = ("left", "revoked")
"""States of those that are no members any more."""
SHOWN_APART = 86_400.0
"""Seconds for which the table says that a member had been apart."""


def members_table(members: list[Member], now: float | None = None, room: int | None = None) -> str:
    """One row for each."""
    now = time.time() if now is None else now
    columns = [
        Column("NODE", [_name(m) for m in members]),
        Column("STATE", [_state(m, now) for m in members], 1, "{}"),
        Column("KNOWN BY", [cell(m["how"]) for m in members], 10, "{}", most=24),
        Column("ADDRESS", [_address(m) for m in members], 9, "at {}", most=26),
        Column("RTT", [_round_trip(m["round_trip"]) for m in members], 3, "round trip {}", most=12),
        Column("CLOCK", [_offset(m["clock_offset"]) for m in members], 6, "clock {}", most=12),
        Column("VERSION", [cell(m["version"]) for m in members], 11, "version {}", most=12, drops=True),
        Column("BRANCH", [_branch(m) for m in members], 5, "on branch {}", most=22),
        Column("SESSIONS", [_sessions(m) for m in members], 4, "sessions {}", most=16),
        Column("LOAD", [_load(m) for m in members], 7, "load {}"),
        Column("OUTBOX", [cell(m["waiting"] or None) for m in members], 2, "{} to deliver"),
    ]
    return wide_table(columns, [_notes(m, now) for m in members], room)


def member_details(member: Member, now: float | None = None) -> str:
    """All that is known of one member."""
    now = time.time() if now is None else now
    first, *more = member["addresses"] or [None]
    role = "chief, " if member["chief"] else ""
    lines = [
        ("node", f"{cell(member['node'])} ({role}{cell(member['role'])})"),
        ("state", f"{_state(member, now, ' for ')}: {cell(member['how'])}"),
        ("problem", member["problem"] and cell(member["problem"])),
        ("heard", ago(member["heard_at"], now)),
        ("addresses", cell(first)),
        *(("", cell(address)) for address in more),
        ("round trip", _round_trip(member["round_trip"])),
        ("clock", _exact_offset(member["clock_offset"])),
        ("outbox", f"{member['waiting']} to deliver"),
        ("apart", f"{_apart(member, now)} (since {day(member['apart']['since'])})" if member["apart"] else ""),
        ("flaps", member["flaps"] and f"{member['flaps']} (taken for dead, and back)"),
        ("version", cell(member["version"])),
        ("branch", _branch(member)),
        ("sessions", _sessions(member)),
        ("load", _load(member) if member["load"] is None else f"{_load(member)} for each processor"),
        ("disk", EMPTY if member["disk_free"] is None else f"{member['disk_free'] / 1000:.1f} GB free"),
        ("facts", f"from {ago(member['facts_at'], now)}" if member["facts_at"] else ""),
        ("key", cell(member["key"])),
        ("joined", EMPTY if member["added_at"] is None else day(member["added_at"])),
    ]
    return "".join(f"{name:<10}  {text}\n" for name, text in lines if text)


def _name(member: Member) -> str:
    mark = " (chief)" if member["chief"] else " (worker)" if member["role"] == "worker" else ""
    return cell(member["node"]) + mark


def _state(member: Member, now: float, between: str = " ") -> str:
    since = member["since"]
    return cell(member["state"]) + ("" if since is None else between + span(now - since))


def _address(member: Member) -> str:
    first, *more = member["addresses"] or [None]
    return cell(first) + (f" +{len(more)}" if more else "")


def _round_trip(seconds: float | None) -> str:
    if seconds is None:
        return EMPTY
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.{0 if seconds >= 0.01 else 1}f} ms"


def _offset(seconds: float | None) -> str:
    if seconds is None:
        return EMPTY
    return "ok" if abs(seconds) <= 2 else f"{seconds:+.0f} s"


def _exact_offset(seconds: float | None) -> str:
    if seconds is None:
        return EMPTY
    # It is learned from whole seconds: less than two are none.
    return "ok, within 2 s of this node's" if abs(seconds) <= 2 else f"{seconds:+.0f} s against this node"


def _branch(member: Member) -> str:
    known = [member["branch"], member["commit"] and member["commit"][:7]]
    return cell([part for part in known if part])


def _sessions(member: Member) -> str:
    return cell([member["sessions"], *member["seats"]]) if member["sessions"] is not None else EMPTY


def _load(member: Member) -> str:
    return EMPTY if member["load"] is None else f"{member['load']:.2f}"


def _notes(member: Member, now: float) -> list[str]:
    notes = [cell(member["problem"])] if member["problem"] else []
    apart = member["apart"]
    if apart and (apart["until"] is None or now - apart["until"] < SHOWN_APART):
        notes.append(_apart(member, now))
    return notes


def _apart(member: Member, now: float) -> str:
    apart = member["apart"]
    if not apart:
        return ""
    if apart["until"] is None:
        return f"apart for {span(now - apart['since'])}"
    return f"had been apart for {span(apart['until'] - apart['since'])}, until {ago(apart['until'], now)}"
