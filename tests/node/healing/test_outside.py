"""A daemon that has died is started again by another machine that can only log in there: a real daemon, a real sshd."""

import asyncio
import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from multifleet import running
from multifleet.channels.base import ChannelError, Target
from multifleet.channels.ssh import SshChannel
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.ssh_running import Ran as There
from multifleet.core.ladder import Level
from multifleet.core.ssh_packets import SshTold
from multifleet.node.healing.outside import Outside, Tried, over_ssh
from tests.channels.sshd import Sshd
from tests.node.delivery.test_over_ssh import ROOT, with_files
from tests.node.fleet import Machine, Machines, until
from tests.surfaces import Ran, run_cli


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd.make(tmp_path_factory.mktemp("sshd") / "of").running() as server:
        yield server


async def check(machine: Machine, channel: str) -> None:
    await machine.node.attempts.check(machine.node.members.need("mac2"), channel)


async def run(machine: Machine, *words: str) -> Ran:
    return await run_cli(machine.home, *words, HOME=str(machine.home.parent))


async def killed(home: Path) -> int:
    """The daemon of this home ends as by a crash; its pid."""
    left = running.left_by(str(home))
    assert left is not None
    process = os.pidfd_open(left.pid)
    os.kill(left.pid, signal.SIGKILL)
    await asyncio.to_thread(select.select, [process], [], [], 10)
    os.close(process)
    return left.pid


async def test_it_is_restarted_once_by_the_ladder_and_not_a_fourth_time_in_an_hour(
    fleet: Machines, sshd: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    mac1, mac2 = fleet.add("mac1", "mac2")
    command = ("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "multifleet")  # the peer itself has told its home
    mac1.config = msgspec.structs.replace(mac1.config, nodes={"mac2": sshd.entry(remote_command=command)})
    connections = SshConnections()
    mac1.more_channels = [SshChannel(connections)]
    await mac2.open()
    await mac1.open()
    mac1.node.healing.direct = ("memory",)
    mac1.node.healing.outside = Outside(over_ssh(connections), connections.why_not, connections.home_of)
    await mac1.run()
    connections.peers.told("mac2", SshTold(host_keys=[sshd.host_key], home=str(mac2.home)))
    await check(mac1, "memory")  # it has worked
    await mac2.stop()
    with_files(mac2)
    try:
        assert (await run(mac2, "up")).status == 0
        first = await killed(mac2.home)
        for _ in range(3):
            await check(mac1, "memory")
        await check(mac1, "ssh")
        ladders = mac1.node.healing.ladders
        await until(lambda: (case := ladders.of("mac2", "memory")) is not None and case.level is Level.ASSIST, 40)
        case = ladders.of("mac2", "memory")
        assert case is not None and case.taken_up and "it is up again" in case.outcome
        left = running.left_by(str(mac2.home))
        assert left is not None and left.pid != first
        assert (await run(mac2, "status", "--json")).json["pid"] == left.pid

        again = await mac1.node.repair("mac2", "L3")
        assert again.refused is None and "the daemon answers: nothing was done" in again.cases[0].outcome
        assert running.left_by(str(mac2.home)).pid == left.pid  # type: ignore[union-attr]
        fourth = await mac1.node.repair("mac2", "L3")
        assert fourth.refused is not None and "three times within the hour" in fourth.refused
    finally:
        await run(mac2, "down")


async def test_where_there_is_no_login_that_is_the_outcome() -> None:
    async def never(target: Target, words: tuple[str, ...], stdin: bytes, most: int) -> object:
        raise AssertionError("nothing is run")

    outside = Outside(never, lambda target: "no SSH login is configured")  # type: ignore[arg-type]
    words = "nothing could be done from outside: no SSH login is configured"
    assert await outside.repair(Target("mac2")) == Tried(words, False, reached=False)


@pytest.mark.parametrize(
    ("came", "reached"),
    [
        (ChannelError("ann@192.0.2.7: connection refused"), False),
        (ChannelError("ann@192.0.2.7: connection lost", unknown=True), True),
        (There(127, b"", "multifleet: not found", ""), False),
        (There(1, b"", "another repair is under way here", ""), True),
        (There(0, b'{"acted":false,"detail":"the daemon answers"}', "", ""), True),
    ],
)
async def test_only_what_came_as_far_as_the_peer_has_reached_it(came: ChannelError | There, reached: bool) -> None:
    async def run(target: Target, words: tuple[str, ...], stdin: bytes, most: int) -> There:
        if isinstance(came, ChannelError):
            raise came
        return came

    assert (await Outside(run, lambda target: "").repair(Target("mac2"))).reached is reached


async def test_a_home_that_a_login_does_not_find_is_named_on_standard_input() -> None:
    asked: list[tuple[tuple[str, ...], bytes]] = []

    async def run(target: Target, words: tuple[str, ...], stdin: bytes, most: int) -> There:
        asked.append((words, stdin))
        return There(0, b'{"acted":true,"detail":"it is up again"}', "", "")

    for home in ("/srv/fleet", ""):
        outside = Outside(run, lambda target: "", lambda node: home)  # noqa: B023
        assert (await outside.repair(Target("mac2"))).taken_up
    usual = ("repair", "--local", "daemon", "--json")
    assert asked == [((*usual, "--by", "ssh"), b"home /srv/fleet\n"), (usual, b"")]
