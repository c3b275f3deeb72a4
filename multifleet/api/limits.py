"""How much the HTTP door takes of whoever knocks: seconds, bytes, connections. Others keep these limits."""

import resource
from dataclasses import dataclass

FILES_WANTED = 65_536
"""Some systems say that the hard limit is infinite and then refuse that number."""


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of the door. What is late has to be closed within 10 and 30 s: these are a little less."""

    head_seconds: float = 9.0
    """From the connection, or from the first byte of a later request, to the end of its head."""
    body_seconds: float = 28.0
    """From the end of the head to the end of the body."""
    idle_seconds: float = 45.0
    """Between the answer to one request and the first byte of the next."""
    write_seconds: float = 30.0
    """For a client to read an answer that did not fit into the socket's buffer."""
    goodbye_seconds: float = 1.0
    """How long the rest of a refused body is dropped, so that the client sees the answer and no reset."""
    goodbye_bytes: int = 256 * 1024
    grace_seconds: float = 5.0
    """At shutdown, for requests that are being answered."""
    line_bytes: int = 4096
    head_bytes: int = 16 * 1024
    headers: int = 64
    ahead_bytes: int = 64 * 1024
    """Read ahead while a request of the same connection is being answered."""
    ahead_requests: int = 16
    connections: int = 4096
    reserve: int = 256
    """Of these, room that strangers cannot take: who did not prove to be this machine's user."""
    per_address: int = 64
    """Connections of strangers from one address."""
    body_bytes: int = 64 << 20
    """Kept of all the bodies that strangers are still sending."""


def raise_file_limit() -> int:
    """Lift the soft limit on open files to the hard one, and say how many files may be open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, FILES_WANTED)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return FILES_WANTED if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft  # a sandbox may forbid it; the bound on connections then follows the smaller number
    return wanted
