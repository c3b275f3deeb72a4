"""Tunnels through a real sshd: they lead to the peer's daemon, and never to what its user alone may ask."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from multifleet.channels import ssh_connections
from multifleet.channels import tunnels as module
from multifleet.channels.base import ChannelError, Target
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.tunnels import Tunnel, Tunnels
from tests.channels.here_now import HereNow
from tests.channels.sshd import Sshd
from tests.node.fleet import until

pytestmark = pytest.mark.usefixtures("user_home")


@pytest.fixture
async def tunnels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Tunnels, HereNow]]:
    for seconds in ("HURRY_SECONDS", "OPEN_SECONDS"):  # a login that is late is none that failed
        monkeypatch.setattr(ssh_connections, seconds, 60.0)
    async with AsyncExitStack() as stack:
        now, made = HereNow(tmp_path / "mine"), Tunnels(SshConnections())
        await made.start(stack, now.here)
        stack.push_async_callback(now.aclose)
        yield made, now


@asynccontextmanager
async def daemon() -> AsyncIterator[str]:
    """Something that listens on an address of this machine that is not its loopback."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; it only asks by which address this machine would
        own = probe.getsockname()[0]
    server = await asyncio.start_server(serve, own, 0)
    async with server:
        yield f"{own}:{server.sockets[0].getsockname()[1]}"


async def test_a_tunnel_leads_to_the_daemon_until_it_is_stopped(
    tunnels: tuple[Tunnels, HereNow], sshd: Sshd
) -> None:
    made, now = tunnels
    async with daemon() as address:
        target = Target("mac2", (address,), sshd.entry())
        now.targets.append(target)
        tunnel = await made.open(target, 0)
        assert made.address_to("mac2") == (f"127.0.0.1:{tunnel.port}",) and tunnel.there == address
        assert await made.open(target, 0) is tunnel
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.port)
        assert await reader.read() == b"hello"
        writer.close()
    assert made.end("mac2") is tunnel
    await until(lambda: sshd.sessions() == 0)
    assert made.all() == [] and made.address_to("mac2") == ()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", tunnel.port)


async def test_a_tunnel_that_breaks_is_opened_anew_on_its_port(
    tunnels: tuple[Tunnels, HereNow], sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, now = tunnels
    monkeypatch.setattr("multifleet.channels.tunnels.REST", 0.05)
    target = Target("mac2", ("192.0.2.7:8855",), sshd.entry())
    now.targets.append(target)
    tunnel = await made.open(target, 0)
    port = tunnel.port
    sshd.hang_up()
    await until(lambda: not tunnel.is_open)
    await until(lambda: tunnel.is_open)
    assert tunnel.port == port and now.counts["tunnel_broken"] == 1


@pytest.mark.parametrize("is_chosen", [True, False])
async def test_after_a_restart_it_waits_for_a_port_that_was_chosen_and_else_takes_another_one_and_says_so(
    tunnels: tuple[Tunnels, HereNow], sshd: Sshd, monkeypatch: pytest.MonkeyPatch, *, is_chosen: bool
) -> None:
    made, now = tunnels
    monkeypatch.setattr("multifleet.channels.tunnels.REST", 0.05)
    now.targets.append(Target("mac2", ("192.0.2.7:8855",), sshd.entry()))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        made.open_again("mac2", port, is_chosen=is_chosen, since=5.0)
        (tunnel,) = made.all()
        await until(lambda: f"port {port} of this machine is in use" in tunnel.reason)
        await until(lambda: tunnel.is_open is not is_chosen)
        assert (tunnel.port == port) is is_chosen
    await until(lambda: tunnel.is_open)
    assert (tunnel.port == port) is is_chosen


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "0.0.0.0:1", "[::ffff:127.0.0.1]:1", "localhost:1"])
async def test_it_never_ends_at_the_loopback_of_the_peer(
    tunnels: tuple[Tunnels, HereNow], sshd: Sshd, address: str
) -> None:
    target = Target("mac2", (address,), sshd.entry())
    with pytest.raises(ChannelError, match="no numeric address"):
        await tunnels[0].open(target, 0)


async def test_why_it_cannot_be_opened_is_told(tunnels: tuple[Tunnels, HereNow], sshd: Sshd) -> None:
    made, now = tunnels
    target = Target("mac2", ("192.0.2.7:8855",), sshd.entry())
    now.targets.append(target)
    with pytest.raises(ChannelError, match=r"no SSH login"):
        await made.open(Target("mac2", ("192.0.2.7:8855",)), 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ChannelError, match="in use"):
            await made.open(target, taken.getsockname()[1])
    await until(lambda: sshd.sessions() == 0)
    assert made.all() == []


async def test_one_that_breaks_again_and_again_is_opened_anew_as_soon_as_the_first_time(
    tunnels: tuple[Tunnels, HereNow], sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, now = tunnels
    rests: list[float] = []

    async def at_once(tunnel: Tunnel, seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(made, "_rest", at_once)
    target = Target("mac2", ("192.0.2.7:8855",), sshd.entry())
    now.targets.append(target)
    tunnel = await made.open(target, 0)

    async def broken(times: int) -> None:
        sshd.hang_up()
        await until(lambda: now.counts["tunnel_broken"] == times and tunnel.is_open)

    for times in (1, 2, 3):
        await broken(times)
    assert rests == [module.REST] * 3


async def resting(made: Tunnels, now: HereNow, taken: socket.socket) -> Tunnel:
    """One whose port was in use when the daemon started; it rests for an hour."""
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    made.open_again("mac2", taken.getsockname()[1], is_chosen=True, since=5.0)
    (tunnel,) = made.all()
    await until(lambda: "in use" in tunnel.reason)
    return tunnel


async def test_one_that_rests_is_tried_at_once_where_its_user_asks_for_it(
    tunnels: tuple[Tunnels, HereNow], sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, now = tunnels
    monkeypatch.setattr(module, "REST", 3_600.0)
    monkeypatch.setattr(module, "LONGEST_REST", 3_600.0)
    target = Target("mac2", ("192.0.2.7:8855",), sshd.entry())
    now.targets.append(target)
    with socket.socket() as taken:
        tunnel = await resting(made, now, taken)
        assert await made.open(target, 0) is tunnel and not tunnel.is_open
    assert await made.open(target, 0) is tunnel and tunnel.is_open


async def test_one_that_rests_is_tried_at_once_when_its_peer_is_back(
    tunnels: tuple[Tunnels, HereNow], sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, now = tunnels
    monkeypatch.setattr(module, "REST", 3_600.0)
    monkeypatch.setattr(module, "LONGEST_REST", 3_600.0)
    monkeypatch.setattr(module, "LOOK", 0.01)
    away = Target("mac2", ("192.0.2.7:8855",), sshd.entry())
    now.targets.append(away)
    with socket.socket() as taken:
        tunnel = await resting(made, now, taken)
    now.targets[:] = [replace(away, is_there=True)]
    await until(lambda: tunnel.is_open)


async def test_one_that_never_lasts_is_opened_anew_after_longer_and_longer_rests_until_it_does(
    tunnels: tuple[Tunnels, HereNow], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, now = tunnels
    clock = 100.0
    lives = [0.5] * (module.SOON + 2) + [module.LASTED] + [0.0]
    rests: list[float] = []

    async def hold(tunnel: Tunnel) -> None:
        nonlocal clock
        tunnel.login, tunnel.is_open = "me@mac2", True
        clock += lives.pop(0)
        raise ChannelError("the SSH connection ended")

    async def rest(tunnel: Tunnel, seconds: float) -> None:
        rests.append(seconds)
        if not lives:
            tunnel.stopped.set()

    monkeypatch.setattr(made, "_here", replace(now.here, monotonic=lambda: clock))
    monkeypatch.setattr(made, "_hold", hold)
    monkeypatch.setattr(made, "_rest", rest)
    made.open_again("mac2", 0, is_chosen=False, since=5.0)
    await asyncio.gather(*now.tasks)
    assert rests == [module.REST] * module.SOON + [2 * module.REST, 4 * module.REST] + [module.REST] * 2


async def test_one_whose_peer_was_out_meanwhile_is_begun_anew_where_its_user_asks_for_it(
    tunnels: tuple[Tunnels, HereNow], sshd: Sshd
) -> None:
    made, now = tunnels
    made.open_again("mac2", 0, is_chosen=False, since=5.0)
    await asyncio.gather(*now.tasks)
    (ended,) = made.all()
    assert ended.reason == "mac2 is no member"
    target = Target("mac2", ("192.0.2.7:8855",), sshd.entry())
    now.targets.append(target)
    tunnel = await made.open(target, 0)
    assert tunnel.is_open and made.all() == [tunnel]


async def test_whoever_asks_for_one_that_is_being_tried_is_told_too_why_it_cannot_be_opened(
    tunnels: tuple[Tunnels, HereNow], monkeypatch: pytest.MonkeyPatch, sshd: Sshd
) -> None:
    made, _ = tunnels
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def hold(tunnel: Tunnel) -> None:
        asked.set()
        await go_on.wait()
        raise ChannelError("nobody is let in")

    monkeypatch.setattr(made, "_hold", hold)
    target = Target("mac2", ("192.0.2.7:8855",), sshd.entry())
    first = asyncio.create_task(made.open(target, 0))
    await asked.wait()
    second = asyncio.ensure_future(made.open(target, 0))
    asyncio.get_running_loop().call_soon(go_on.set)  # after the second has begun
    found = await asyncio.gather(first, second, return_exceptions=True)
    assert [str(error) for error in found] == ["nobody is let in"] * 2
    assert made.all() == []
