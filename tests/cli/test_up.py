"""`init`, `up` and `down` with the real daemon."""

import asyncio
import json
import os
import select
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from multifleet.cli import daemon, down, up
from multifleet.cli.commands import COMMANDS
from multifleet.cli.home_lock import is_coming_up, make_known
from multifleet.cli.shape import Failed
from tests.surfaces import Ran, run_cli

DOWN = COMMANDS["down"]
LOCAL = ("--bind", "127.0.0.1")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    """A home whose daemon is stopped with the test."""
    home = tmp_path / "home"
    await run(home, "init", "--node", "mac1")
    yield home
    await run(home, "down")


async def run(home: Path, *words: str) -> Ran:
    return await run_cli(home, *words, cwd=home.parent, HOME=str(home.parent))


async def test_what_cannot_be_opened_is_named_with_what_to_do(home: Path) -> None:
    (home / "starting").symlink_to(home / "nowhere")  # a link is not followed, nor another user's file written
    ran = await run(home, "up", *LOCAL)
    (home / "starting").unlink()
    assert ran.status == 1 and "starting cannot be opened" in ran.err and "remove it" in ran.err


async def test_a_home_that_is_no_node_says_how_to_make_one(tmp_path: Path) -> None:
    ran = await run(tmp_path / "none", "up")
    assert (ran.status, ran.out) == (1, "")
    assert "multifleet init" in ran.err


async def test_init_twice_changes_nothing(home: Path) -> None:
    again = await run(home, "init", "--json")
    assert (again.status, again.json["node"], again.json["created"]) == (0, "mac1", False)
    other = await run(home, "init", "--node", "mac9")
    assert (other.status, "already node mac1" in other.err) == (1, True)


async def test_a_daemon_comes_up_once_and_goes_down(home: Path) -> None:
    up = await run(home, "up", "--port", "0", *LOCAL, "--json")
    assert (up.status, up.err) == (0, "")
    pid = up.json["pid"]
    assert up.json["addresses"][0].startswith("127.0.0.1:")

    again = await run(home, "up")
    assert (again.status, f"pid {pid}" in again.out) == (0, True)
    elsewhere = await run(home, "up", "--bind", "127.0.0.2")
    assert (elsewhere.status, "multifleet down" in elsewhere.err) == (1, True)
    second = await run(home, "up", "--foreground")
    assert (second.status, f"pid {pid}" in second.err) == (1, True)
    assert (await run(home, "health", "--json")).json["ok"] is True

    process = os.pidfd_open(pid)
    stopped = await run(home, "down", "--json")
    assert (stopped.status, stopped.json) == (0, {"stopping": True, "pid": pid})
    ended, _, _ = await asyncio.to_thread(select.select, [process], [], [], 10)
    os.close(process)
    assert ended
    assert (await run(home, "health")).status == 1
    assert (await run(home, "down")).out == "no daemon was running\n"


async def test_a_port_that_is_taken_is_named_with_what_to_do(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = await run(home, "up", "--port", str(port), *LOCAL)
    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert f"port {port}" in ran.err and "--port" in ran.err


async def test_what_is_wrong_in_the_configuration_is_told_and_what_was_changed_since(home: Path) -> None:
    (home / "config.json").write_text('{"prot": 1, "mdns": "no"}')
    refused = await run(home, "up")
    assert (refused.status, refused.err.splitlines()) == (
        1,
        [
            f"multifleet up: {home}/config.json: prot is no setting: did you mean port?",
            f'multifleet up: {home}/config.json: mdns is "no": it must be true or false',
        ],
    )
    (home / "config.json").write_text('{"nodes": {"mac2": {"role": "boss"}}}')
    role = 'but: nodes.mac2.role is "boss", which is no role: write chief, captain or worker\n'
    assert (await run(home, "up", "--port", "0", *LOCAL)).err == role
    (home / "config.json").write_text('{"nodes": {"mac2": {"role": "boss"}}, "mdns": false}')
    again = await run(home, "up")
    changed = "config.json was changed since the daemon started (mdns), and counts from its next start"
    assert (again.status, again.err) == (0, f"{role}but: {changed}: multifleet down, then multifleet up\n")


async def test_an_invitation_works_with_and_without_a_daemon(home: Path) -> None:
    offline = await run(home, "invite", "--json")
    assert (offline.status, offline.json["running"]) == (0, False)
    await run(home, "up", "--port", "0", *LOCAL)
    online = await run(home, "invite", "--json")
    assert (online.status, online.json["running"]) == (0, True)
    assert offline.json["code"] != online.json["code"]


async def test_a_frozen_daemon_is_named_with_what_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIFLEET_HOME", str(tmp_path))
    monkeypatch.setattr(down, "ANSWER", 0.05)
    (tmp_path / "lock").write_text(json.dumps({"pid": 4711, "port": 1, "started": 0}))
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.bind(str(tmp_path / "socket"))
        frozen.listen()
        with pytest.raises(Failed, match=r"kill -9 4711.*stops by itself if it runs again"):
            await asyncio.to_thread(down.run, "down", COMMANDS["down"], {}, False)


async def test_a_daemon_that_set_a_damaged_store_aside_says_so_as_it_comes_up(home: Path) -> None:
    (home / "store.db").write_bytes(b"no database at all" * 400)
    up = await run(home, "up", "--port", "0", *LOCAL)
    assert (up.status, "a damaged store was set aside (store.db.damaged-" in up.err) == (0, True)
    assert "DEGRADED" in (await run(home, "status")).out


def starts(monkeypatch: pytest.MonkeyPatch, home: Path, program: str) -> None:
    """`up` starts this program in place of the daemon."""
    monkeypatch.setenv("MULTIFLEET_HOME", str(home))
    monkeypatch.setattr(up, "_words", lambda port, binds: [sys.executable, "-c", program])


def test_that_a_daemon_comes_up_is_known_before_its_process_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = "import sys; from multifleet.cli.home_lock import is_coming_up; sys.exit(f'multifleet: {is_coming_up()}')"
    starts(monkeypatch, tmp_path, looks)
    with pytest.raises(Failed, match=r"^True$"):
        up.start()
    assert not is_coming_up()


def test_one_that_was_stopped_while_it_came_up_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts(monkeypatch, tmp_path, "print('INFO up node=mac1')")
    with pytest.raises(Failed, match=r"^it was stopped while it came up$"):
        up.start()


def test_who_interrupts_up_stops_what_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = iter([None])

    def status() -> None:
        if next(looks, looks) is looks:
            raise KeyboardInterrupt

    starts(monkeypatch, tmp_path, "import signal; signal.pause()")
    monkeypatch.setattr(up, "status", status)
    with pytest.raises(KeyboardInterrupt):
        up.start()
    said = capsys.readouterr().err
    assert "is stopped" in said and not is_coming_up()
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.partition("(pid ")[2].partition(")")[0]), 0)


@pytest.mark.parametrize("stop", [lambda: down.run("down", DOWN, {}, False), lambda: down.stop(DOWN)])
def test_down_does_not_say_that_none_ran_while_one_comes_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: Callable[[], object]
) -> None:
    monkeypatch.setenv("MULTIFLEET_HOME", str(tmp_path))
    monkeypatch.setattr(daemon, "COMES_IN", 0.0)
    known = make_known(20)
    assert known is not None
    with pytest.raises(Failed, match=f"{tmp_path} .pid not known yet. is on its way up, or down.*try again"):
        stop()
    os.close(known)
