"""Tunnels are there again after a restart, until their user stops them or their peer is out."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from multifleet.operations.tunnels import TunnelView
from tests.channels.sshd import Sshd
from tests.node.fleet import Machine, Machines, pinned, until


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd.make(tmp_path_factory.mktemp("sshd") / "of").running() as server:
        yield server


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
async def mac1(fleet: Machines, sshd: Sshd) -> Machine:
    """May log in at mac2, and has a tunnel there."""
    mac1, mac2 = fleet.add("mac1", "mac2")
    mac1.pinned = [pinned(mac2.identity, ("192.0.2.7:8855",))]
    mac1.config = msgspec.structs.replace(mac1.config, nodes={"mac2": sshd.entry()})
    await mac1.start()
    await mac1.node.tunnelling.open("mac2", 0)
    return mac1


async def opened_again(mac1: Machine) -> TunnelView:
    """The tunnel after a restart."""
    await mac1.restart()
    await until(partial(_is_open, mac1))
    (view,) = mac1.node.tunnelling.views()
    return view


def _is_open(mac1: Machine) -> bool:
    return [view.open for view in mac1.node.tunnelling.views()] == [True]


async def test_it_is_opened_again_on_its_port_until_it_is_stopped(mac1: Machine) -> None:
    (before,) = mac1.node.tunnelling.views()
    assert await opened_again(mac1) == before
    assert await mac1.node.tunnelling.stop("mac2") == ["mac2"]
    await mac1.restart()
    assert mac1.node.tunnelling.views() == []


async def test_it_goes_with_its_peer(mac1: Machine) -> None:
    await mac1.node.revoke("mac2", "stolen", False, False)
    assert mac1.node.tunnelling.views() == []
    assert await mac1.node.store.meta.get("tunnels") is None
