"""Which version of Claude Code is installed, by what its installers leave beside it. Runs nothing."""

import json
import re
from pathlib import Path
from typing import Any

PACKAGE = "@anthropic-ai/claude-code"
MAX_PACKAGE = 1024 * 1024
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_FOLDERS_UP = 3


def installed_version(binary: Path) -> str | None:
    """The version of the client at this path; None where it was installed in a way that is not known here.

    The client's own installer keeps each version in a file of that name; npm keeps it in a package.json.
    """
    try:
        real = binary.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    if real.parent.name == "versions" and _VERSION.fullmatch(real.name):
        return real.name
    for folder in list(real.parents)[:_FOLDERS_UP]:
        package = _package(folder / "package.json")
        if str(package.get("name", "")).startswith(PACKAGE):
            version = package.get("version")
            return version if isinstance(version, str) and _VERSION.fullmatch(version) else None
    return None


def _package(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_PACKAGE))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
