"""A client that does with plugins what Claude Code does, as far as its user's settings are concerned: it writes all of
them anew, and leaves empty objects in them. A file `broken` in the home, or `broken at` a word, is what it fails at.
"""

import json
import sys
from pathlib import Path


def act(home: Path, words: list[str]) -> None:
    """What the client does at `plugin` and these words."""
    settings, copy = home / ".claude/settings.json", home / ".claude/plugins/cache/multifleet-local/multifleet"
    if (home / "broken").exists() or (home / f"broken at {words[0]}").exists():
        sys.exit("some words\nno network")
    found = json.loads(settings.read_text() or "{}") if settings.exists() else {}
    known, enabled = found.setdefault("extraKnownMarketplaces", {}), found.setdefault("enabledPlugins", {})
    if words[:2] == ["marketplace", "add"]:
        known["multifleet-local"] = {"source": {"source": "directory", "path": words[2]}}
    elif words[0] == "install":
        enabled[words[1]] = True
        copy.mkdir(parents=True, exist_ok=True)
    elif words[0] == "uninstall":
        del enabled[words[1]]
    else:
        del known[words[2]]
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(json.dumps(found, indent=2) + "\n")


def write_client(home: Path) -> Path:
    """The same as a program, for this home."""
    script = home / "claude"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{__file__}" "{home}" "$@"\n')
    script.chmod(0o755)
    return script


if __name__ == "__main__":
    act(Path(sys.argv[1]), sys.argv[3:])
