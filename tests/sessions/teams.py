"""A team as Claude Code 2.1.329 writes it down."""

import json
import os
from pathlib import Path
from typing import Any


def member(name: str, team: str = "session-85f25b7e", **changes: Any) -> dict[str, Any]:
    """One of a team."""
    own = {"agentId": f"{name}@{team}", "name": name, "joinedAt": 1_795_313_107_098, "backendType": "in-process"}
    return {**own, "cwd": "/home/fleet/api", "tmuxPaneId": "in-process", "prompt": "look around", **changes}


def write_team(config: Path, lead: str, *members: dict[str, Any], name: str | None = None, **changes: Any) -> Path:
    """The file of a lead's team; written as a whole."""
    name = name or f"session-{lead[:8]}"
    path = config / "teams" / name / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    first = member("team-lead", name, agentType="team-lead", tmuxPaneId="leader")
    kept = {"name": name, "leadAgentId": f"team-lead@{name}", "leadSessionId": lead, "members": [first, *members]}
    half = path.with_suffix(".half")
    half.write_text(json.dumps({**kept, **changes}))
    os.replace(half, path)
    return path


def transcript_of(lead: Path, name: str, number: int = 1) -> Path:
    """The file that a mate in its lead's process writes."""
    folder = lead.with_suffix("") / "subagents"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"agent-a{name}-{number:016x}.jsonl"
