"""P5 against a real sshd: what goes in by standard input, and what is made of what comes out."""

import asyncio
import os
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from multifleet.channels.base import ChannelError, Parcel, Success, Target
from multifleet.channels.ssh import SshChannel
from multifleet.channels.ssh_connections import SshConnections
from multifleet.core.ssh_packets import SshTold
from tests.channels.here_now import HereNow
from tests.channels.sshd import Sshd, closing_once
from tests.node.fleet import until

pytestmark = pytest.mark.usefixtures("user_home")


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[SshChannel]:
    async with AsyncExitStack() as stack:
        made = SshChannel(SshConnections())
        await made.start(stack, HereNow(tmp_path / "mine").here)
        yield made


def peer_that_runs(sshd: Sshd, folder: Path, script: str) -> Target:
    """mac2, on which `multifleet` is this script; its arguments and input lie in the folder then."""
    program = folder / "multi fleet"
    program.write_text(f'#!/bin/sh\ncd "{folder}"\nprintf "%s\\n" "$@" >args\n{script}\n')
    program.chmod(0o700)
    return Target("mac2", configured=sshd.entry(remote_command=(str(program),)))


def said(status: int, frame: bytes, *waiting: bytes) -> str:
    """What `receive --json` prints."""
    printed = {
        "status": status,
        "frame": b64encode(frame).decode(),
        "waiting": [b64encode(w).decode() for w in waiting],
    }
    return msgspec.json.encode(printed).decode()


async def test_the_frame_goes_in_and_the_answer_comes_out(channel: SshChannel, sshd: Sshd, tmp_path: Path) -> None:
    printed = said(200, b"mf1 answer", b"mf1 waited")
    target = peer_that_runs(sshd, tmp_path, f"cat >frame; echo Welcome to mac2; echo '{printed}'")
    carried = await channel.deliver(target, Parcel(b"mf1 frame\x00\xff"))
    assert (
        carried.success is Success.ANSWERED and carried.answer == b"mf1 answer" and carried.brought == (b"mf1 waited",)
    )
    assert (tmp_path / "frame").read_bytes() == b"mf1 frame\x00\xff"
    assert (tmp_path / "args").read_text().split() == ["receive", "--json", "--by", "ssh"]


async def test_a_connection_that_somebody_closed_before_anything_went_out_costs_no_attempt(
    channel: SshChannel, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = peer_that_runs(sshd, tmp_path, f"cat >>frame; echo '{said(200, b'mf1 answer')}'")
    had = closing_once(channel._connections, monkeypatch)
    assert (await channel.deliver(target, Parcel(b"mf1 frame"))).success is Success.ANSWERED
    assert (tmp_path / "frame").read_bytes() == b"mf1 frame" and len(had) == 2


@pytest.mark.parametrize(("home", "line"), [("/srv/fleet", b"home /srv/fleet\n"), ("/home/ann/.multifleet", b"")])
async def test_a_home_that_a_login_does_not_find_by_itself_is_named_before_the_frame(
    tmp_path: Path, sshd: Sshd, home: str, line: bytes
) -> None:
    connections = SshConnections()
    async with AsyncExitStack() as stack:
        channel = SshChannel(connections)
        await channel.start(stack, HereNow(tmp_path / "mine").here)
        connections.peers.told("mac2", SshTold(host_keys=[sshd.host_key], home=home))
        target = peer_that_runs(sshd, tmp_path, f"cat >frame; echo '{said(200, b'mf1 answer')}'")
        await channel.deliver(target, Parcel(b"mf1 frame"))
    assert (tmp_path / "frame").read_bytes() == line + b"mf1 frame"


async def test_that_another_nodes_home_is_there_is_told_with_what_to_do(
    channel: SshChannel, sshd: Sshd, tmp_path: Path
) -> None:
    printed = msgspec.json.encode({"status": 401, "frame": "", "elsewhere": "/x is the home of mac9"}).decode()
    target = peer_that_runs(sshd, tmp_path, f"echo '{printed}'; exit 1")
    with pytest.raises(
        ChannelError, match=r"is the home of mac9: name its home in nodes\.mac2\.remote_command"
    ) as refused:
        await channel.deliver(target, Parcel(b"mf1 frame"))
    assert not refused.value.unknown


async def test_a_signed_refusal_is_an_answer(channel: SshChannel, sshd: Sshd, tmp_path: Path) -> None:
    target = peer_that_runs(sshd, tmp_path, f"echo '{said(507, b'mf1 answer')}'; echo refused >&2; exit 1")
    assert (await channel.deliver(target, Parcel(b"mf1 frame"))).answer == b"mf1 answer"


async def test_a_frame_that_was_laid_into_drop_is_parked(channel: SshChannel, sshd: Sshd, tmp_path: Path) -> None:
    target = peer_that_runs(sshd, tmp_path, f"echo '{said(202, b'parked')}'")
    carried = await channel.deliver(target, Parcel(b"mf1 frame"))
    assert (carried.success, carried.where) == (Success.PARKED, "drop/ of mac2")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (f"echo '{said(401, b'stranger')}'; exit 1", "does not know this node"),
        ("echo 'no node here: run multifleet init' >&2; exit 1", "no node here"),
        ("exit 3", "without a word"),
        ("exec /nonexistent/program 2>/dev/null", "is not found by a login there"),
        ('echo \'{"status": 1, "frame": 5}\'', "without a word"),
        ("head -c 9000000 /dev/zero", "prints more than"),
        ("printf 'evil \\033[2J\\n' >&2; exit 1", r"evil \\u\{1b\}"),
    ],
)
async def test_why_it_failed_is_told(channel: SshChannel, sshd: Sshd, tmp_path: Path, script: str, words: str) -> None:
    with pytest.raises(ChannelError, match=words):
        await channel.deliver(peer_that_runs(sshd, tmp_path, script), Parcel(b"mf1 frame"))


async def test_one_at_a_time_runs_on_a_peer_for_this_node(channel: SshChannel, sshd: Sshd, tmp_path: Path) -> None:
    alone = f"mkdir running || exit 9; cat >frame; sleep 0.2; rmdir running; echo '{said(200, b'mf1 answer')}'"
    target = peer_that_runs(sshd, tmp_path, alone)
    carried = await asyncio.gather(*(channel.deliver(target, Parcel(b"mf1 frame")) for _ in range(3)))
    assert [one.answer for one in carried] == [b"mf1 answer"] * 3


async def test_who_waits_for_its_turn_may_give_up_and_holds_nobody_up(
    channel: SshChannel, sshd: Sshd, tmp_path: Path
) -> None:
    target = peer_that_runs(sshd, tmp_path, f"cat >>frames; cat fifo >>gone; echo '{said(200, b'mf1 answer')}'")
    os.mkfifo(tmp_path / "fifo")
    frames, fifo = tmp_path / "frames", tmp_path / "fifo"
    tasks = [asyncio.create_task(channel.deliver(target, Parcel(b"mf1 frame %d;" % number))) for number in (1, 2, 3)]
    await until(lambda: frames.exists() and frames.read_bytes() == b"mf1 frame 1;")
    tasks[1].cancel()
    for task in (tasks[0], tasks[2]):
        await asyncio.to_thread(fifo.write_text, "")
        assert (await task).answer == b"mf1 answer"
    assert frames.read_bytes() == b"mf1 frame 1;mf1 frame 3;"


async def test_who_is_cancelled_leaves_no_process_and_no_connection(
    channel: SshChannel, sshd: Sshd, tmp_path: Path
) -> None:
    before = set(os.listdir("/proc/self/fd"))
    target = peer_that_runs(sshd, tmp_path, "echo $$ >pid; cat >/dev/null; while sleep 0.05; do echo more; done")
    task = asyncio.create_task(channel.deliver(target, Parcel(b"mf1 frame")))
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: sshd.sessions() == 0 and not Path(f"/proc/{pid}").exists())
    await until(lambda: set(os.listdir("/proc/self/fd")) <= before)
