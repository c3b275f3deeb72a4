"""Are the private keys where they belong, readable, those that the daemon runs with, and renewed in time.

Never shows one.
"""

import os
from pathlib import Path

from multifleet.core.keys import Identity
from multifleet.errors import KeyUnavailable
from multifleet.node.checks.finding import Finding, fail, of_error, ok, warn
from multifleet.node.keys.keystore import identity_file, is_fixed, kept_in, load_identity

_PLACES = {
    "keyring": "the system's keyring",
    "environment": "the environment",
}


DAY = 86_400.0
LATE = 1.5
"""Times the days between renewals: that old, a key is spoken of."""


def readable(home: Path, running: Identity | None, now: float, renewal_days: float = 30.0) -> Finding:
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
    if running is not None and running.x25519 not in {key.private for key in found.exchange_keys}:
        return fail(
            f"{identity_file(home)} lacks the X25519 key that the daemon runs with: it is from before the last renewal",
            "multifleet rotate-keys makes and stores a new one",
        )
    place = _PLACES.get(kept_in(home), identity_file(home))
    days = max(0.0, now - found.made) / DAY
    age = f"the X25519 key is {days:.0f} days old"
    if renewal_days and days > LATE * renewal_days:
        remedy = "renew it where $MULTIFLEET_IDENTITY is set" if is_fixed() else "multifleet rotate-keys"
        return warn(f"{age} and should have been renewed after {renewal_days:g}", remedy)
    older = f", {len(found.older)} older wait for removal (multifleet rotate-keys --show)" if found.older else ""
    return ok(f"those of {found.node} ({_short(found)}) can be read, kept in {place}; {age}{older}")


def _short(identity: Identity) -> str:
    return identity.public.hex()[:16]
