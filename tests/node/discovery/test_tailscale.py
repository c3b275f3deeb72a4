"""The answer of `tailscale status --json`, and a program of that name that does not behave.

made_tailscale_status.json was written by hand after the format that Tailscale publishes (ipnstate.Status of version
1.76) and comes from no running program; names, keys and addresses in it are made up.
"""

import asyncio
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from multifleet.node.counters import Counters
from multifleet.node.discovery import tailscale
from multifleet.node.discovery.tailscale import NotUnderstood, Tailnet, Tailscale, answer_of, understood

MADE = Path(__file__).with_name("made_tailscale_status.json")
OWN = ("100.64.0.1", "fd7a:115c:a1e0::1")
MACHINES = (
    ("ada-s-macbook-pro", ("100.64.0.2", "fd7a:115c:a1e0::2")),
    ("build", ("100.64.0.3",)),
    ("build-1", ("100.64.0.3",)),
    ("mac2", ("100.64.0.2", "fd7a:115c:a1e0::2")),
)


def changed(**changes: Any) -> bytes:
    """The made answer with something else in it."""
    return json.dumps(json.loads(MADE.read_text()) | changes).encode()


def program(folder: Path, script: str) -> None:
    """A `tailscale` for the PATH."""
    path = folder / "tailscale"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_made_answer_gives_own_addresses_and_those_of_machines_by_their_names() -> None:
    assert understood(MADE.read_bytes()) == Tailnet(OWN, MACHINES)


@pytest.mark.parametrize(
    "changes",
    [{"BackendState": "Stopped"}, {"BackendState": "NeedsLogin", "TailscaleIPs": None, "Peer": None, "Self": None}],
)
def test_a_tailnet_that_is_not_up_is_empty(changes: dict[str, Any]) -> None:
    assert understood(changed(**changes)) == Tailnet()


def test_what_is_null_or_no_address_of_a_machine_is_passed_over() -> None:
    machine = {"HostName": "mac3", "DNSName": "", "TailscaleIPs": ["127.0.0.1", "::", "x; id", "100.64.0.9"]}
    nameless = {"HostName": "\u65e5\u672c", "DNSName": "", "TailscaleIPs": ["100.64.0.8"]}
    peers = {"nodekey:1": machine, "nodekey:2": nameless, "nodekey:3": {"HostName": "mac4", "TailscaleIPs": None}}
    found = understood(changed(TailscaleIPs=None, Self=None, Peer=peers))
    assert found == Tailnet((), (("mac3", ("100.64.0.9",)),))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"BackendState": 1}',
        b'{"BackendState": "Running", "Peer": [1]}',
        b'{"BackendState": "Running", "Self": {"TailscaleIPs": "100.64.0.1"}}',
        b"\xff{}",
        b"[" * 100_000,
    ],
)
def test_garbage_is_not_understood(answer: bytes) -> None:
    with pytest.raises(NotUnderstood):
        understood(answer)


async def test_a_program_is_asked_and_its_answer_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, f'[ "$*" = "status --json" ] && cat {MADE}')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found: asyncio.Queue[Tailnet] = asyncio.Queue()
    asking = asyncio.create_task(Tailscale(found.put_nowait, Counters(), every=0.05).run())
    async with asyncio.timeout(10):
        assert await found.get() == Tailnet(OWN, MACHINES)
        (tmp_path / "tailscale").unlink()
        while await found.get() != Tailnet():
            pass
    asking.cancel()
    await asyncio.wait([asking])


async def test_without_the_program_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found: list[Tailnet] = []
    counters = Counters()
    asking = asyncio.create_task(Tailscale(found.append, counters, every=0.01).run())
    await asyncio.sleep(0.1)
    asking.cancel()
    await asyncio.wait([asking])
    assert found == [] and counters.snapshot() == {}


async def test_a_program_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    program(tmp_path, f"sleep 600 & echo $! >{tmp_path}/child; echo $$ >{tmp_path}/own; wait")
    began = time.monotonic()
    with pytest.raises(NotUnderstood, match="no answer within"):
        await answer_of([str(tmp_path / "tailscale")], seconds=1.0)
    assert time.monotonic() - began < 3
    async with asyncio.timeout(20):
        while not all(gone(int((tmp_path / name).read_text())) for name in ("child", "own")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_program_whose_child_holds_its_output_open_is_late_and_nothing_more(tmp_path: Path) -> None:
    program(tmp_path, "sleep 600 & echo '{}'")
    with pytest.raises(NotUnderstood, match="no answer within"):
        await answer_of([str(tmp_path / "tailscale")], seconds=0.3)


async def test_an_endless_answer_is_cut_off(tmp_path: Path) -> None:
    program(tmp_path, "exec cat /dev/zero")
    with pytest.raises(NotUnderstood, match="longer than"):
        await answer_of([str(tmp_path / "tailscale")], limit=100_000)


async def test_a_program_that_fails_or_cannot_start_says_so(tmp_path: Path) -> None:
    program(tmp_path, "cat /dev/null; exit 3")
    with pytest.raises(NotUnderstood, match="status 3"):
        await answer_of([str(tmp_path / "tailscale")])
    (tmp_path / "tailscale").chmod(0o644)
    with pytest.raises(NotUnderstood):
        await answer_of([str(tmp_path / "tailscale")])


async def test_a_fault_of_the_program_is_counted_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "echo garbage")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found: list[Tailnet] = []
    counters = Counters()
    asking = asyncio.create_task(Tailscale(found.append, counters, every=0.01).run())
    async with asyncio.timeout(10):
        while counters.snapshot().get("tailscale_unusable", 0) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait([asking])
    assert found == []


async def asked_until_useless(
    folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, times: int
) -> list[Tailnet]:
    """What was found, once so many answers were of no use."""
    program(folder, f"n=$(cat {folder}/n 2>/dev/null || echo 0); echo $((n+1)) >{folder}/n; {script}")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(tailscale, "answer_of", partial(tailscale.answer_of, seconds=60.0))  # none is to be late
    found: list[Tailnet] = []
    counters = Counters()
    asking = asyncio.create_task(Tailscale(found.append, counters, every=0.01).run())
    async with asyncio.timeout(60):
        while counters.snapshot().get("tailscale_unusable", 0) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait([asking])
    return found


async def test_an_answer_that_is_of_no_use_takes_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every_other = f"[ $((n % 2)) = 0 ] && exec cat {MADE}; echo garbage"
    found = await asked_until_useless(tmp_path, monkeypatch, every_other, 3)
    assert found and set(found) == {Tailnet(OWN, MACHINES)}


async def test_after_four_of_them_what_an_earlier_one_said_counts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_but_the_first = f"[ $n = 0 ] && exec cat {MADE}; echo garbage"
    found = await asked_until_useless(tmp_path, monkeypatch, all_but_the_first, tailscale.FORGIVEN + 2)
    assert found == [Tailnet(OWN, MACHINES), Tailnet()]


def test_the_program_has_three_seconds_and_is_asked_every_minute() -> None:
    assert (tailscale.SECONDS, tailscale.EVERY) == (3.0, 60.0)
