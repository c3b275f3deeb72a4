"""Are the private keys where they belong, readable, and those that the daemon runs with. Never shows one."""

import os
from pathlib import Path

from multifleet.core.keys import Identity
from multifleet.errors import KeyUnavailable
from multifleet.node.checks.finding import Finding, fail, of_error, ok
from multifleet.node.keystore import identity_file, kept_in, load_identity

_PLACES = {
    "keyring": "the system's keyring",
    "environment": "the environment",
}


def readable(home: Path, running: Identity | None) -> Finding:
    """`running` is the identity of the daemon that asks, if one does. Blocks for the keyring."""
    try:
        found = load_identity(home)
    except KeyUnavailable as error:
        path = identity_file(home)
        return of_error(error, *(("modes",) if path.exists() and not os.access(path, os.R_OK) else ()))
    if running is not None and (found.node, found.public) != (running.node, running.public):
        return fail(
            f"{identity_file(home)} now holds the keys of another identity ({found.node}, {_short(found)}) than the "
            f"daemon runs with ({running.node}, {_short(running)})",
            "put the right file back, or restart the daemon if the change is meant",
        )
    kept = kept_in(home)
    return ok(f"those of {found.node} ({_short(found)}) can be read, kept in {_PLACES.get(kept, identity_file(home))}")


def _short(identity: Identity) -> str:
    return identity.public.hex()[:16]
