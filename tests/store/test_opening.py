import os
import sqlite3
from pathlib import Path

import pytest

from multifleet.errors import ConfigError, StoreDamaged
from multifleet.store import opening
from multifleet.store.database import Database
from multifleet.store.opening import open_sound, schema_version
from multifleet.store.store import Store
from tests.store.conftest import NOW
from tests.store.made import outbox_row, queued


def parts(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def modes_of(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def damage(path: Path, at: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(os.urandom(size))


def test_every_commit_is_flushed_and_the_journal_is_a_wal(tmp_path: Path) -> None:
    connection, aside = open_sound(tmp_path / "store.db", set_aside=True)
    assert aside is None
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert connection.execute("PRAGMA user_version").fetchone() == (schema_version(),)
    connection.close()


async def test_all_files_are_private_also_under_a_generous_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store.open(tmp_path, NOW)
        row = outbox_row("a")
        await store.outbox.add(row, queued(row))
        modes = modes_of(tmp_path)
        await store.aclose()
    finally:
        os.umask(before)
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}


def test_a_file_that_others_could_read_is_made_private(tmp_path: Path) -> None:
    Database.open(tmp_path / "store.db").close()
    (tmp_path / "store.db").chmod(0o644)
    Database.open(tmp_path / "store.db").close()
    assert (tmp_path / "store.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("rubbish", [b"this is not a database" * 100, os.urandom(8192)])
async def test_a_file_that_is_no_database_is_set_aside_and_a_new_one_made(tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / "store.db").write_bytes(rubbish)
    store = Store.open(tmp_path, NOW)
    assert store.set_aside is not None
    assert store.set_aside.name.startswith("store.db.damaged-2")
    assert store.set_aside.read_bytes() == rubbish
    assert await store.outbox.counts() == {}
    await store.aclose()


async def leave_uncleanly(home: Path, rows: int = 300) -> None:
    """A store as a killed daemon leaves it: with a WAL."""
    store = Store.open(home, NOW)
    for n in range(rows):
        row = outbox_row(f"id-{n:04}", packet=b"x" * 2_000)
        await store.outbox.add(row, queued(row))
    copies = {name: (home / name).read_bytes() for name in parts(home)}
    await store.aclose()
    for name, content in copies.items():
        (home / name).write_bytes(content)


async def test_a_sound_file_of_a_killed_daemon_is_opened_with_everything_in_it(tmp_path: Path) -> None:
    await leave_uncleanly(tmp_path)
    assert (tmp_path / "store.db-wal").stat().st_size > 0
    store = Store.open(tmp_path, NOW)
    assert store.set_aside is None
    assert await store.outbox.counts() == {"mac2": 300}
    await store.aclose()


async def test_a_damaged_file_of_a_killed_daemon_is_set_aside_with_its_wal(tmp_path: Path) -> None:
    await leave_uncleanly(tmp_path)
    damage(tmp_path / "store.db", at=4096 * 40, size=4096 * 20)
    store = Store.open(tmp_path, NOW)
    assert store.set_aside is not None
    aside = store.set_aside.name
    assert parts(tmp_path) >= {aside, f"{aside}-wal", "store.db"}
    assert await store.outbox.counts() == {}
    await store.aclose()


async def test_damage_met_while_running_is_told_and_the_file_set_aside_at_the_next_start(
    tmp_path: Path,
) -> None:
    store = Store.open(tmp_path, NOW)
    for n in range(300):
        row = outbox_row(f"id-{n:04}", packet=b"x" * 2_000)
        await store.outbox.add(row, queued(row))
    await store.aclose()
    damage(tmp_path / "store.db", at=4096 * 60, size=4096 * 60)
    store = Store.open(tmp_path, NOW)
    assert store.set_aside is None
    with pytest.raises(StoreDamaged, match="restart"):
        await store.outbox.listing(1_000)
    await store.aclose()
    again = Store.open(tmp_path, NOW)
    assert again.set_aside is not None
    await again.aclose()
    assert "store.db.suspect" not in parts(tmp_path)


def test_two_damaged_files_in_one_second_are_both_kept(tmp_path: Path) -> None:
    kept = set()
    for n in range(3):
        (tmp_path / "store.db").write_bytes(b"rubbish %d" % n * 1000)
        database = Database.open(tmp_path / "store.db")
        kept.add(database.set_aside)
        database.close()
    assert len(kept) == 3
    assert len(parts(tmp_path)) == 4


def test_a_process_that_may_not_set_aside_leaves_a_damaged_file_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"rubbish" * 1000)
    with pytest.raises(StoreDamaged, match="start the daemon"):
        Database.open(tmp_path / "store.db", set_aside=False)
    assert (tmp_path / "store.db").read_bytes() == b"rubbish" * 1000


def test_a_store_of_a_newer_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    Database.open(tmp_path / "store.db").close()
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute(f"PRAGMA user_version = {schema_version() + 1}")
    connection.close()
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(ConfigError, match=r"newer multifleet.*upgrade"):
        Database.open(tmp_path / "store.db")
    assert (tmp_path / "store.db").read_bytes() == before


def test_a_migration_that_stopped_half_way_left_nothing(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("CREATE TABLE invites (a)")
    connection.close()
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        Database.open(tmp_path / "store.db")
    connection = sqlite3.connect(tmp_path / "store.db")
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("invites",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    connection.close()


async def test_a_store_of_the_first_schema_is_brought_up_to_date_with_what_is_in_it(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.db")
    first = (Path(opening.__file__).parent / "migrations" / "001_first.sql").read_text()
    connection.executescript(f"{first}PRAGMA user_version = 1;")
    connection.execute(
        "INSERT INTO peers VALUES ('mac2', x'00', x'00', x'00', x'00', '[]', 1.5, 'join', NULL, NULL,"
        " NULL, NULL, 0, 0, 0, NULL)"
    )
    connection.execute("INSERT INTO invites VALUES ('i', x'00', '', 5.0, NULL, NULL)")
    for sender in ("mac2", "gone"):
        connection.execute(
            "INSERT INTO inbox VALUES (?, 'm', ?, 'mac1', NULL, 'context', 'now', NULL, 1, NULL, NULL, NULL, 'hello',"
            " 'human', 1, 9, 2.0, 'http', 'stored', 2.0, NULL, NULL, NULL, 1, NULL, NULL, NULL)",
            (sender, sender),
        )
    connection.commit()
    connection.close()
    store = Store.open(tmp_path, NOW)
    peer = await store.peers.get("mac2")
    assert peer is not None
    assert (peer.added_at, peer.state, peer.state_since, peer.role) == (1.5, "", None, "captain")
    assert [invite.role for invite in await store.invites.open(1.0)] == ["captain"]
    assert {row.sender: row.sender_key for row in await store.inbox.listing(10)} == {"mac2": "00", "gone": ""}
    await store.aclose()
