"""Is the store sound, durable and writable, and does a damaged one wait for somebody to look at it."""

from pathlib import Path

from multifleet.errors import ConfigError, StoreDamaged, StoreUnavailable
from multifleet.node.checks.finding import Finding, fail, of_error, ok, together
from multifleet.node.checks.patience import aside
from multifleet.node.lost_stores import LOST
from multifleet.store.database import Database
from multifleet.store.inspection import (
    SOUND,
    STORE,
    Durability,
    Soundness,
    damaged_files,
    read_durability,
    read_soundness,
)

MEGABYTE = 1024 * 1024
_NOT_DURABLE = "put MULTIFLEET_HOME on a local disk, then multifleet down and multifleet up"


async def running(home: Path, database: Database, seconds: float) -> Finding:
    """Asked within the daemon."""
    findings = [_damaged(home)]
    if database.degraded is not None:
        findings.append(of_error(StoreUnavailable(database.degraded), "disk", "modes"))
    else:
        try:
            findings.append(_durable(await read_durability(database)))
        except (StoreUnavailable, StoreDamaged) as error:
            findings.append(of_error(error, "disk", "modes"))
    findings.append(await aside(lambda: _sound(home, seconds)))
    return together([finding for finding in findings if finding is not None])


def from_outside(home: Path, seconds: float) -> Finding:
    """Asked where no daemon answers."""
    findings = [_damaged(home), _sound(home, seconds)]
    return together([finding for finding in findings if finding is not None])


def _sound(home: Path, seconds: float) -> Finding:
    if not (home / STORE).exists():
        return ok("there is none yet: the daemon makes it")
    try:
        found = read_soundness(home / STORE, seconds)
    except (StoreUnavailable, ConfigError) as error:
        return of_error(error, "disk", "modes")
    return _judge(found)


def _judge(found: Soundness) -> Finding:
    size = f"{found.bytes / MEGABYTE:.1f} MB" if found.bytes >= MEGABYTE else f"{found.bytes // 1024} KB"
    if found.verdict is None:
        return ok(f"{size}: too much to read in this time", "to have all of it read: multifleet doctor store")
    if found.verdict != SOUND:
        return fail(
            f"{STORE} is damaged: {found.verdict}",
            "multifleet down, then multifleet up: it is set aside, kept, and a new one begun",
        )
    if found.journal != "wal":
        return fail(f"the journal is {found.journal}, not WAL: a power cut could lose messages", _NOT_DURABLE)
    return ok(f"sound, {size}, WAL, every commit synced")


def _durable(found: Durability) -> Finding | None:
    if found.holds:
        return None
    said = f"journal {found.journal}, synchronous {found.synchronous}"
    return fail(f"commits do not reach the disk ({said}): a power cut could lose messages", _NOT_DURABLE)


def _damaged(home: Path) -> Finding | None:
    found = damaged_files(home)
    if not found:
        return None
    names = ", ".join(path.name for path in found)
    return fail(
        f"a damaged store was set aside ({names}): {LOST}",
        f"save what is needed (sqlite3 {found[-1]} .recover), then move it out of {home}",
    )
