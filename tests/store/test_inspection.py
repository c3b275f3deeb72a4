"""Looking into a store from outside."""

import subprocess
import sys
from pathlib import Path

import pytest

from multifleet.errors import StoreUnavailable
from multifleet.store.inspection import (
    STORE,
    damaged_files,
    read_contents,
    read_durability,
    read_soundness,
    sqlite_version,
)
from multifleet.store.store import Store
from tests.store.conftest import NOW
from tests.store.made import peer_row


async def test_a_sound_store_is_read_beside_its_writer(store: Store, tmp_path: Path) -> None:
    found = read_soundness(tmp_path / STORE, 5.0)
    assert (found.verdict, found.journal) == ("ok", "wal")
    assert found.bytes > 0


async def test_the_writer_itself_says_how_it_commits(store: Store) -> None:
    found = await read_durability(store.database)
    assert found.holds
    assert (found.journal, found.synchronous) == ("wal", 2)


async def test_what_it_holds_is_read_without_a_daemon(tmp_path: Path) -> None:
    store = Store.open(tmp_path, NOW)
    await store.peers.add(peer_row("mac2"))
    await store.meta.set("word", "kept")
    store.peers.heard_later("mac2", 1_234.5, None)
    await store.aclose()
    found = read_contents(tmp_path / STORE)
    assert found.meta["word"] == "kept"
    assert found.heard == {"mac2": 1_234.5}


async def test_damage_is_told_and_the_next_start_sets_the_file_aside(tmp_path: Path) -> None:
    await Store.open(tmp_path, NOW).aclose()
    with (tmp_path / STORE).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 8192)
    assert read_soundness(tmp_path / STORE, 5.0).verdict != "ok"
    store = Store.open(tmp_path, NOW)
    await store.aclose()
    assert [store.set_aside] == damaged_files(tmp_path)


async def test_what_is_no_database_is_damage(tmp_path: Path) -> None:
    (tmp_path / STORE).write_bytes(b"no database" * 1_000)
    verdict = read_soundness(tmp_path / STORE, 5.0).verdict
    assert verdict is not None and "not a database" in verdict


async def test_a_store_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        read_soundness(tmp_path / STORE, 5.0)
    with pytest.raises(StoreUnavailable):
        read_contents(tmp_path / STORE)


def test_the_version_is_that_of_the_library() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sqlite3; print(sqlite3.sqlite_version)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ".".join(map(str, sqlite_version())) == said.stdout.strip()
