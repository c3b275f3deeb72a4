"""Connections against a real sshd: shared and kept, host keys pinned, hanging servers cost our own deadline alone."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from multifleet.channels import ssh_connections, ssh_peers
from multifleet.channels.base import ChannelError, Target
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.ssh_facts import FactsStore, own_host_keys
from multifleet.config import Config, NodeEntry
from multifleet.core.ssh_packets import SshAsk, SshTold
from tests.channels.here_now import HereNow
from tests.channels.sshd import Sshd, keygen
from tests.node.fleet import until

pytestmark = pytest.mark.usefixtures("user_home")


@pytest.fixture
async def mac1(tmp_path: Path) -> AsyncIterator[tuple[SshConnections, HereNow]]:
    now, connections = HereNow(tmp_path / "mine"), SshConnections()
    async with AsyncExitStack() as stack:
        await connections.start(stack, now.here)
        yield connections, now
        await now.aclose()


Mac1 = tuple[SshConnections, HereNow]


def mac2(sshd: Sshd, **more: object) -> Target:
    return Target("mac2", configured=sshd.entry(**more))


async def test_all_users_share_one_connection(mac1: Mac1, sshd: Sshd) -> None:
    connections, _ = mac1

    async def use() -> int:
        async with connections.to(mac2(sshd)) as kept:
            return id(kept.connection)

    assert len(set(await asyncio.gather(*(use() for _ in range(5))))) == 1
    assert await use()
    await until(lambda: sshd.sessions() == 1)  # those of earlier tests end soon


async def test_an_idle_connection_is_closed(mac1: Mac1, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_connections, "IDLE_SECONDS", 0.05)
    async with mac1[0].to(mac2(sshd)):
        await asyncio.sleep(0.1)
        assert mac1[0].is_open("mac2")
    await until(lambda: not mac1[0].is_open("mac2") and sshd.sessions() == 0)


async def test_at_first_use_the_key_is_pinned_and_another_one_is_refused(mac1: Mac1, tmp_path: Path) -> None:
    connections, now = mac1
    server = Sshd.make(tmp_path / "of")
    with server.running():
        async with connections.to(mac2(server)):
            pass
    assert now.counts == {"ssh_host_key_first_use": 1} and "SHA256:" in now.reasons[0]
    connections.forget("mac2")
    server.new_host_key()
    with server.running():
        with pytest.raises(ChannelError, match=r"ITS HOST KEY IS ANOTHER: it shows SHA256:.*, known is SHA256:"):
            async with connections.to(mac2(server)):
                raise AssertionError
        assert "ANOTHER" in connections.peers.refused["mac2"] and now.counts["ssh_host_key_refused"] == 1
        # The peer's own signed word says that the new key is right.
        connections.peers.told("mac2", SshTold(host_keys=[server.host_key], home="/h"))
        async with connections.to(mac2(server)):
            assert connections.peers.refused == {}


async def test_a_key_that_the_peer_told_is_known_before_the_first_use(mac1: Mac1, sshd: Sshd, tmp_path: Path) -> None:
    connections, now = mac1
    keygen(tmp_path / "other")
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    connections.peers.told("mac2", SshTold(host_keys=[other], home="/h"))
    with pytest.raises(ChannelError, match="ANOTHER"):
        async with connections.to(mac2(sshd)):
            raise AssertionError
    connections.peers.told("mac2", SshTold(host_keys=[sshd.host_key], home="/h"))
    async with connections.to(mac2(sshd)):
        pass
    assert now.counts["ssh_host_key_first_use"] == 0


async def test_what_the_users_ssh_knows_is_believed_and_what_contradicts_it_is_not(
    mac1: Mac1, sshd: Sshd, tmp_path: Path
) -> None:
    connections, now = mac1
    keygen(tmp_path / "other")
    (tmp_path / ".ssh").mkdir()
    known = tmp_path / ".ssh" / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.port} {(tmp_path / 'other.pub').read_text()}")
    with pytest.raises(ChannelError, match="ANOTHER"):
        async with connections.to(mac2(sshd)):
            raise AssertionError
    known.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_key}\n")
    connections.forget("mac2")
    async with connections.to(mac2(sshd)):
        assert now.counts["ssh_host_key_first_use"] == 0


async def test_names_of_the_users_ssh_configuration_are_known(mac1: Mac1, sshd: Sshd, tmp_path: Path) -> None:
    entry = sshd.entry(host="closet", ssh_port=None, ssh_key="")
    (tmp_path / ".ssh").mkdir()
    config = f"Host closet\n  HostName 127.0.0.1\n  Port {sshd.port}\n  IdentityFile {sshd.folder}/user_key\n"
    (tmp_path / ".ssh" / "config").write_text(config)
    async with mac1[0].to(Target("mac2", configured=entry)) as kept:
        assert kept.is_open


async def test_no_key_that_is_let_in_is_told_in_words(mac1: Mac1, sshd: Sshd, tmp_path: Path) -> None:
    keygen(tmp_path / "other")
    with pytest.raises(ChannelError, match="no key of this user is let in"):
        async with mac1[0].to(mac2(sshd, ssh_key=str(tmp_path / "other"))):
            raise AssertionError
    await until(lambda: sshd.sessions() == 0)


@asynccontextmanager
async def server_that(says: bytes) -> AsyncIterator[tuple[int, set[asyncio.StreamWriter]]]:
    """Says something to whoever comes, and then nothing more; its open connections."""
    there: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.add(writer)
        writer.write(says)
        try:
            while await reader.read(4096):
                pass
        except ConnectionError:
            pass  # that is an end as well
        there.discard(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], there


@pytest.mark.parametrize("says", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"x" * 300_000])
async def test_a_server_that_hangs_costs_our_deadline_only(
    mac1: Mac1, says: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_connections, "OPEN_SECONDS", 0.3)
    async with server_that(says) as (port, there):
        target = Target("mac2", configured=NodeEntry(host="127.0.0.1", user="me", ssh_port=port))
        with pytest.raises(ChannelError):
            async with asyncio.timeout(2), mac1[0].to(target):
                raise AssertionError
        await until(lambda: not there)


async def test_the_next_channel_does_not_wait_again_for_what_failed_just_now(
    mac1: Mac1, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_connections, "OPEN_SECONDS", 0.2)
    async with server_that(b"") as (port, there):
        target = Target("mac2", configured=NodeEntry(host="127.0.0.1", user="me", ssh_port=port))
        reasons = []
        for _ in range(2):
            with pytest.raises(ChannelError) as failed:
                async with mac1[0].to(target):
                    raise AssertionError
            reasons.append(str(failed.value))
            monkeypatch.setattr(ssh_connections, "OPEN_SECONDS", 60.0)
        assert reasons[0] == reasons[1] and "the server hangs" in reasons[0]
        await until(lambda: not there)


async def test_who_is_cancelled_leaves_no_connection(mac1: Mac1, sshd: Sshd) -> None:
    async with server_that(b"SSH-2.0-OpenSSH_9.2\r\n") as (port, there):
        target = Target("mac2", configured=NodeEntry(host="127.0.0.1", user="me", ssh_port=port))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), mac1[0].to(target):
                raise AssertionError
        await until(lambda: not there)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), mac1[0].to(mac2(sshd)):
            await asyncio.sleep(60)
    await until(lambda: sshd.sessions() == 0)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("ssh to")] == []
    gc.collect()


async def test_the_second_host_is_tried_where_the_first_is_silent(
    mac1: Mac1, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_connections, "HURRY_SECONDS", 0.2)
    target = mac2(sshd, lan_ip="127.0.0.9", host="127.0.0.1")  # sshd listens on the second one alone
    async with mac1[0].to(target) as kept:
        assert kept.login.host == "127.0.0.1"


async def test_who_is_asked_tells_its_host_keys_and_its_home(tmp_path: Path, sshd: Sshd) -> None:
    config = Config(sshHostKeys=(f"{sshd.folder}/*.pub",))
    now, connections = HereNow(tmp_path / "mine", config), SshConnections()
    async with AsyncExitStack() as stack:
        await connections.start(stack, now.here)
        told = await now.served[SshAsk]("mac2", SshAsk())
    assert sshd.host_key in told.host_keys and told.home == str(tmp_path / "mine")


async def test_peers_that_can_be_logged_in_to_are_asked_by_themselves(tmp_path: Path, sshd: Sshd) -> None:
    now, connections = HereNow(tmp_path / "mine", Config(nodes={"mac2": sshd.entry()})), SshConnections()
    now.targets.append(Target("mac2", configured=sshd.entry(), is_there=True))
    now.told["mac2"] = SshTold(host_keys=[sshd.host_key], home="/h")
    async with AsyncExitStack() as stack:
        await connections.start(stack, now.here)
        await until(lambda: connections.peers.facts.of("mac2").home == "/h")
        await now.aclose()
    assert FactsStore(tmp_path / "mine").of("mac2").host_keys == [sshd.host_key]
    assert (tmp_path / "mine" / "ssh" / "mac2.json").stat().st_mode & 0o777 == 0o600


async def test_who_becomes_a_member_after_the_start_is_asked_soon(
    tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_peers, "LOOK_SOON", 0.01)
    now, connections = HereNow(tmp_path / "mine", Config(nodes={"mac2": sshd.entry()})), SshConnections()
    now.told["mac2"] = SshTold(host_keys=[sshd.host_key], home="/h")
    async with AsyncExitStack() as stack:
        await connections.start(stack, now.here)
        await asyncio.sleep(0)  # it has looked once
        now.targets.append(Target("mac2", configured=sshd.entry(), is_there=True))
        async with asyncio.timeout(ssh_peers.LOOK_EVERY / 2):
            await until(lambda: connections.peers.facts.of("mac2").home == "/h")
        await now.aclose()


class Clock:
    """Stands still but where it is moved, and knows how often it was read."""

    def __init__(self) -> None:
        self.at = 0.0
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return self.at

    async def was_looked_at(self) -> None:
        """At least one whole look has gone by."""
        reads = self.reads
        await until(lambda: self.reads >= reads + 3)


async def test_a_peer_that_did_not_answer_is_asked_again_after_waits_that_double_and_at_once_when_it_comes_back(
    tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_peers, "LOOK_SOON", 0.001)
    clock = Clock()
    now, connections = HereNow(tmp_path / "mine", Config(nodes={"mac2": sshd.entry()}), clock), SshConnections()
    there = Target("mac2", configured=sshd.entry(), is_there=True)
    now.targets.append(there)
    async with AsyncExitStack() as stack:
        await connections.start(stack, now.here)
        while clock.at < 200:
            await clock.was_looked_at()
            clock.at += 2.5
        assert [at for _, at in now.asked] == [0, 5, 15, 35, 75, 135, 195]
        now.targets[:] = [replace(there, is_there=False)]
        await until(lambda: not connections.peers._asked)
        now.told["mac2"] = SshTold(host_keys=[sshd.host_key], home="/h")
        now.targets[:] = [there]
        await until(lambda: connections.peers.facts.of("mac2").home == "/h")
        await now.aclose()


async def test_a_peer_whose_server_is_refused_is_asked_whether_that_is_right(
    tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_peers, "ASK_SOON", 0.0)
    keygen(tmp_path / "other")
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    now, connections = HereNow(tmp_path / "mine", Config(nodes={"mac2": sshd.entry()})), SshConnections()
    target = Target("mac2", ("127.0.0.2:1",), sshd.entry(lan_ip="127.0.0.1", host="localhost"), is_there=True)
    now.targets.append(target)
    now.told["mac2"] = SshTold(host_keys=[other], home="/h")
    async with AsyncExitStack() as stack:
        await connections.start(stack, now.here)
        await until(lambda: connections.peers.facts.of("mac2").at)
        now.told["mac2"] = SshTold(host_keys=[sshd.host_key], home="/h")
        with pytest.raises(ChannelError) as refused:
            async with connections.to(target):
                raise AssertionError
        assert str(refused.value).count("ANOTHER") == 1, "two hosts, one server"
        await until(lambda: connections.peers.facts.of("mac2").host_keys == [sshd.host_key])
        async with connections.to(target):
            assert connections.peers.refused == {}
        await now.aclose()


def test_private_keys_and_other_files_are_never_told(tmp_path: Path) -> None:
    keygen(tmp_path / "key")
    os.symlink("/dev/null", tmp_path / "null.pub")
    assert own_host_keys((f"{tmp_path}/*",)) == [" ".join((tmp_path / "key.pub").read_text().split()[:2])]
