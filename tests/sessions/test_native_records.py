"""Records in the client's registry: ours come and go, and nothing else is touched."""

import json
import os
from pathlib import Path

import pytest

from multifleet.core.native import Entry, domain
from multifleet.sessions.claude_registry import ClaudeRegistry
from multifleet.sessions.claude_shape import ClaudeShape
from multifleet.sessions.native_records import NativeRecords
from multifleet.sessions.own_files import NotOurs

DOMAIN = domain("f" * 32, "0" * 16)
ENTRY = Entry("mac2/api", 1_234_567_890, "85f25b7e-8348-4b79-bdeb-0f2f2dc40cb5", "idle", 1_800_000_000.5)
SOCKET = Path("/tmp/cc-socks/0123456789abcdef.sock")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sessions"
    made.mkdir(mode=0o700)
    return made


def put(config: Path, entry: Entry = ENTRY, of: str = DOMAIN) -> NativeRecords:
    records = NativeRecords(config, of, ClaudeShape())
    records.put(entry, SOCKET, 1_800_000_060.0)
    return records


def test_a_record_is_what_the_client_was_measured_to_list(folder: Path) -> None:
    put(folder.parent)
    path = folder / "1234567890.json"
    assert json.loads(path.read_text()) == {
        "pid": 1_234_567_890,
        "sessionId": ENTRY.session_id,
        "cwd": "/",
        "startedAt": 1_800_000_000_500,
        "kind": "interactive",
        "pidDomain": DOMAIN,
        "messagingSocketPath": str(SOCKET),
        "name": "mac2/api",
        "peerProtocol": 1,
        "peerFeatures": ["notify_idle"],
        "status": "idle",
        "statusUpdatedAt": 1_800_000_060_000,
        "updatedAt": 1_800_000_060_000,
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(folder) == [path.name]


def test_our_own_records_are_no_sessions_of_this_machine(folder: Path) -> None:
    put(folder.parent)
    found = ClaudeRegistry(folder.parent).find()
    assert found.sessions == () and found.problems == ()


def test_only_records_of_this_node_are_found_and_removed(folder: Path) -> None:
    (folder / "77.json").write_text(json.dumps({"pid": 77, "pidDomain": "linux:x:pid:[1]"}))
    (folder / "78.json").write_text("[")
    put(folder.parent, Entry("mac2/web", 2_000_000_000, "x", "", 0.0), domain("f" * 32, "1" * 16))
    for take_away in (lambda ours: ours.remove([ENTRY.number, 77, 78, 2_000_000_000, 99]), NativeRecords.clear):
        records = put(folder.parent)
        take_away(records)
        assert sorted(os.listdir(folder)) == ["2000000000.json", "77.json", "78.json"]


def test_a_file_of_somebody_else_is_not_written_over(folder: Path) -> None:
    theirs = folder / "1234567890.json"
    theirs.write_text("{}")
    with pytest.raises(NotOurs):
        put(folder.parent)
    assert theirs.read_text() == "{}"


def test_a_link_is_neither_followed_nor_written_over(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(json.dumps({"pidDomain": DOMAIN}))
    (folder / "1234567890.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotOurs):
        put(folder.parent)
    NativeRecords(folder.parent, DOMAIN, ClaudeShape()).clear()
    assert os.listdir(folder) == ["1234567890.json"] and (tmp_path / "elsewhere").exists()


def test_nothing_is_written_into_a_folder_that_others_may_write_to(folder: Path) -> None:
    folder.chmod(0o770)
    with pytest.raises(NotOurs):
        put(folder.parent)


def test_half_a_file_of_a_killed_run_is_cleared_and_that_of_another_node_stays(folder: Path) -> None:
    (folder / f".multifleet-{'0' * 16}-5").write_text('{"pid"')
    (folder / f".multifleet-{'1' * 16}-5").write_text('{"pid"')
    NativeRecords(folder.parent, DOMAIN, ClaudeShape()).clear()
    assert os.listdir(folder) == [f".multifleet-{'1' * 16}-5"]


def test_without_a_client_there_is_nothing_to_do(tmp_path: Path) -> None:
    records = NativeRecords(tmp_path, DOMAIN, ClaudeShape())
    assert records.stamp() is None
    records.clear()
    records.remove([1])
    with pytest.raises(OSError):
        put(tmp_path)
