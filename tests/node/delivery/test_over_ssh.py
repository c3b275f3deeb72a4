"""Two nodes between which nothing but SSH is left, and SSH in one direction only."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from multifleet.channels.base import Channel
from multifleet.channels.seed import SeedChannel
from multifleet.channels.ssh import SshChannel
from multifleet.channels.ssh_connections import SshConnections
from multifleet.core.channel_state import ChannelState
from multifleet.core.key_text import write_keys
from multifleet.core.receipts import State
from multifleet.core.ssh_packets import SshTold
from multifleet.node.keys.keystore import identity_file
from multifleet.node.roster.fleet_file import write_fleet
from multifleet.private_files import write_private
from tests.channels.sshd import Sshd
from tests.core.wire import FLEET
from tests.node.fleet import SOON, Machine, Machines

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd.make(tmp_path_factory.mktemp("sshd") / "of").running() as server:
        yield server


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


async def apart(
    fleet: Machines,
    sshd: Sshd,
    which: type[SeedChannel] | type[SshChannel],
    more: tuple[str, ...] = ("MULTIFLEET_HOME={home}",),
) -> tuple[Machine, Machine]:
    """mac1, which may log in at mac2 and knows where its home is, and mac2, which may not."""
    mac1, mac2 = fleet.add("mac1", "mac2")
    named = (word.format(home=mac2.home) for word in more)
    command = ("env", *named, f"PYTHONPATH={ROOT}", sys.executable, "-m", "multifleet")
    entry = sshd.entry(remote_command=command)
    mac1.config = msgspec.structs.replace(mac1.config, nodes={"mac2": entry})
    connections = SshConnections()
    channel: Channel = which(connections)
    mac1.more_channels = [channel]
    fleet.network.severed |= {"mac1", "mac2"}
    await mac1.start()
    connections.peers.told("mac2", SshTold(host_keys=[sshd.host_key], home=str(mac2.home)))
    return mac1, mac2


async def test_a_seed_is_taken_up_and_its_receipts_and_the_answer_come_back(fleet: Machines, sshd: Sshd) -> None:
    mac1, mac2 = await apart(fleet, sshd, SeedChannel)
    await mac2.start()
    sent = await mac1.node.messages.send("mac2", "hello")
    await mac1.wait(sent.id, State.STORED)
    assert [(row.body, row.channel) for row in await mac2.received()] == [("hello", "seed")]
    assert mac1.node.health_of_channels.of("mac2")["seed"].state is ChannelState.HEALTHY
    reply = await mac2.node.messages.send("mac1", "hello yourself")
    async with asyncio.timeout(SOON):
        while not await mac1.received():  # noqa: ASYNC110  no event tells it
            await asyncio.sleep(0.05)
    assert [(row.body, row.channel) for row in await mac1.received()] == [("hello yourself", "seed")]
    await mac2.wait(reply.id, State.STORED)


async def test_a_frame_is_stored_where_no_daemon_runs_in_the_home_that_the_peer_has_told(
    fleet: Machines, sshd: Sshd
) -> None:
    mac1, mac2 = await apart(fleet, sshd, SshChannel, ())
    await mac2.open()
    await mac2.stop()
    with_files(mac2)
    sent = await mac1.node.messages.send("mac2", "hello")
    story = await mac1.wait(sent.id, State.STORED)
    assert any(event.channel == "ssh" for event in story.events), story
    await mac2.open()
    assert [(row.body, row.channel) for row in await mac2.received()] == [("hello", "ssh")]


def with_files(machine: Machine) -> None:
    """What `init` would have written."""
    identity_file(machine.home).parent.mkdir(exist_ok=True)
    record = {"node": machine.name, "in": "file", "pair": write_keys(machine.identity)}
    write_private(identity_file(machine.home), json.dumps(record).encode())
    write_fleet(machine.home, FLEET)
    config = {"nodeId": machine.name, "port": 0, "bind": ["127.0.0.1"], "keys": "file"}
    write_private(machine.home / "config.json", json.dumps(config).encode())
