"""All hints together, and what becomes of an address that changed."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from multifleet.core.sightings import Way
from multifleet.node.counters import Counters
from multifleet.node.discovery import address_watch
from multifleet.node.discovery import discovery as module
from multifleet.node.discovery.announcement import Announced
from multifleet.node.discovery.discovery import Discovery
from multifleet.node.discovery.tailscale import Tailnet
from tests.node.discovery.heard import soon
from tests.node.discovery.test_tailscale import MADE, program


@dataclass
class World:
    """A node's discovery among members that the test names; time passes when it says so."""

    members: dict[str, Sequence[str]] = field(default_factory=lambda: {"mac2": ["192.0.2.2:8856"]})
    interfaces: list[str] = field(default_factory=lambda: ["192.0.2.1:8855"])
    configured: dict[str, Sequence[str]] = field(default_factory=dict)
    fleet: str = "f1"
    now: float = 100.0
    moved: int = 0
    discovery: Discovery = field(init=False)

    def made(self, *, tailscale: bool = False) -> Discovery:
        self.discovery = Discovery(
            "mac1",
            fleet=lambda: self.fleet,
            own_addresses=lambda: [*self.interfaces, *(f"{ip}:8855" for ip in self.discovery.tailnet)],
            addresses_of=self.members.get,
            addresses_changed=self._changed,
            configured=self.configured,
            counters=Counters(),
            monotonic=lambda: self.now,
            mdns=False,
            tailscale=tailscale,
            start_after=0.0,
        )
        return self.discovery

    def _changed(self) -> None:
        self.moved += 1


async def test_hints_of_all_ways_are_joined() -> None:
    world = World(configured={"mac2": ["192.0.2.9:8856"], "mac5": ["192.0.2.5:1"]})
    discovery = world.made()
    running = asyncio.create_task(discovery.run())
    await soon(lambda: discovery.hints("mac2"))
    discovery._heard(Announced("mac2", "tag", ("192.0.2.7:8856",)))
    discovery._heard(Announced("mac9", "tag", ("192.0.2.66:1",)))
    discovery._asked_tailscale(Tailnet((), (("mac2", ("100.64.0.2", "fd7a:115c:a1e0::2")), ("phone", ("100.64.0.9",)))))
    tailnet = ("100.64.0.2:8856", "[fd7a:115c:a1e0::2]:8856")
    assert discovery.hints("mac2") == ("192.0.2.7:8856", *tailnet, "192.0.2.9:8856")
    assert discovery.hints("phone") == ()
    listed = [(seen.node, seen.way) for seen in discovery.listing()]
    assert listed == [
        ("mac2", Way.MDNS),
        ("mac2", Way.TAILSCALE),
        ("mac2", Way.CONFIGURED),
        ("mac5", Way.CONFIGURED),
        ("mac9", Way.MDNS),
    ]
    world.now += 100_000.0
    assert discovery.hints("mac2") == ()
    running.cancel()
    await asyncio.wait([running])


async def test_in_another_fleet_what_was_heard_in_the_last_one_is_forgotten() -> None:
    world = World()
    discovery = world.made()
    discovery.fleet_changed()
    discovery._heard(Announced("mac9", "tag", ("192.0.2.66:1",)))
    discovery.fleet_changed()
    assert discovery.listing()
    world.fleet = "f2"
    discovery.fleet_changed()
    assert discovery.listing() == []


async def test_addresses_of_the_tailnet_become_own_ones_and_are_announced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, f"cat {MADE}")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    world = World()
    discovery = world.made(tailscale=True)
    running = asyncio.create_task(discovery.run())
    await soon(lambda: world.moved)
    assert discovery.tailnet == ("100.64.0.1", "fd7a:115c:a1e0::1")
    assert discovery.hints("mac2") == ("100.64.0.2:8856", "[fd7a:115c:a1e0::2]:8856")
    discovery._asked_tailscale(Tailnet(discovery.tailnet, ()))
    assert world.moved == 1
    running.cancel()
    await asyncio.wait([running])


async def test_a_changed_address_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_watch, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(address_watch, "SLOW_POLL_SECONDS", 0.01)
    world = World()
    discovery = world.made()
    running = asyncio.create_task(discovery.run())
    await asyncio.sleep(0.05)
    assert world.moved == 0
    world.interfaces[:] = ["192.0.2.111:8855"]
    await soon(lambda: world.moved == 1)
    running.cancel()
    await asyncio.wait([running])


async def test_names_that_are_not_found_while_the_network_comes_up_are_looked_up_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: list[dict[str, tuple[str, ...]]] = [{}, {}, {"mac2": ("192.0.2.9:8856",)}]

    async def look_up(nodes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        return answers.pop(0)

    monkeypatch.setattr(module, "look_up_all", look_up)
    monkeypatch.setattr(module, "LOOK_UP_SOON", 0.01)
    discovery = World(configured={"mac2": ["mac2.example:8856"]}).made()
    running = asyncio.create_task(discovery.run())
    await soon(lambda: discovery.hints("mac2"))
    assert discovery.hints("mac2") == ("192.0.2.9:8856",) and not answers
    running.cancel()
    await asyncio.wait([running])
