"""Which remote seats show as native peers in the agent client of this machine, and under which numbers.

A client lists whoever has a record in its registry. Here is decided which records there must be; nothing is written.
"""

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PID_MAX = 4_194_304
"""The highest process id that Linux gives; a record's number lies above, so that it is nobody's."""
NUMBERS = 2**31 - 1 - PID_MAX
"""How many numbers there are up to the highest that a client takes."""
MOST = 500
"""Records at the most."""
KEPT = 86_400.0
"""Seconds for which the seats of a machine that is away stay listed: a message to one of them is held, not lost."""
STATUSES = frozenset({"idle", "busy", "waiting"})

Nodes = Mapping[str, Mapping[str, str] | None]
"""Each other member: its seats where somebody sits, with their status ("" where not known); None while it is away."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one remote seat; moments are wall-clock seconds."""

    since: float
    """Since when it is listed."""
    seen: float
    """When its machine last told of it."""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record that must be there."""

    address: str
    number: int
    session_id: str
    status: str
    since: float


def known_now(known: Mapping[str, Known], nodes: Nodes, now: float) -> dict[str, Known]:
    """What is known after the members have told what `nodes` says: seats that are gone are not in it."""
    found: dict[str, Known] = {}
    for node, seats in nodes.items():
        if seats is None:
            continue
        for seat, status in seats.items():
            address = f"{node}/{seat}"
            before = known.get(address)
            since = min(before.since, now) if before else now
            found[address] = Known(since, now, status if status in STATUSES else "")
    for address, before in known.items():
        node = address.partition("/")[0]
        if nodes.get(node, {}) is None and now - before.seen < KEPT:
            found[address] = Known(min(before.since, now), min(before.seen, now))
    return {address: found[address] for address in sorted(_shared(found))}


def _shared(found: Mapping[str, Known]) -> list[str]:
    """Those that are listed: of each machine one, then of each a second, ..., so that none crowds others out."""
    newest = sorted(found, key=lambda address: (-found[address].seen, address))
    places: Counter[str] = Counter()
    turns: dict[str, int] = {}
    for address in newest:
        node = address.partition("/")[0]
        turns[address] = places[node]
        places[node] += 1
    return sorted(newest, key=turns.__getitem__)[:MOST]


def entries(known: Mapping[str, Known], fleet: str, instance: str) -> dict[str, Entry]:
    """The records for these seats, by address; the same seat gets the same number and session id every time."""
    numbers = _numbers(known, f"{fleet}\0{instance}")
    return {
        address: Entry(address, numbers[address], _session_id(fleet, address), one.status, one.since)
        for address, one in known.items()
    }


def instance_of(node: str, made_at: float) -> str:
    """What tells this home's records from those of another node of the fleet on the same machine (16 hex digits)."""
    return hashlib.sha256(f"{node}\0{made_at}".encode()).hexdigest()[:16]


def domain(fleet: str, instance: str) -> str:
    """In which set of process ids the numbers count: never in the client's own, so that it takes them for no process
    of this machine, nor for one that has died."""
    return f"multifleet:{fleet}:{instance}"


def _numbers(addresses: Iterable[str], salt: str) -> dict[str, int]:
    found: dict[str, int] = {}
    taken: set[int] = set()
    for address in sorted(addresses):
        place = int.from_bytes(hashlib.sha256(f"{salt}\0{address}".encode()).digest()[:8])
        while (number := PID_MAX + 1 + place % NUMBERS) in taken:
            place += 1
        taken.add(number)
        found[address] = number
    return found


def _session_id(fleet: str, address: str) -> str:
    digest = hashlib.sha256(f"session\0{fleet}\0{address}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))
