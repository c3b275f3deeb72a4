"""Remote seats are listed while a session can use them, and leave nothing behind."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from multifleet.node.native.presence import JOURNAL, NativePresence
from multifleet.sessions.claude_inbox import socket_folders
from tests.node.fleet import Machine, Machines
from tests.node.offering.pretended import Pretended


class Desk:
    """mac1, not running, whose native presence is asked to look; what mac2 tells is set by the test."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.nodes: dict[str, dict[str, str] | None] = {"mac2": {"api": "idle"}}
        self.config = machine.home / "claude"
        self.stack = AsyncExitStack()
        self.presence: NativePresence

    async def start(self) -> None:
        """As a daemon starts."""
        node = await self.machine.open()
        self.presence = node.native.presence
        self.presence._nodes = lambda: self.nodes
        await node.offering.start(self.stack)
        await node.native.start(self.stack)

    async def end(self) -> None:
        """As a daemon ends."""
        await self.stack.aclose()
        await self.machine.stop()

    async def kill(self) -> None:
        """As SIGKILL ends it: sockets and records stay behind."""
        for opened in self.machine.node.offering.replies._sockets.values():
            opened._serving.cancel()
            opened._listener.close()
        self.stack.pop_all()
        await self.machine.stop()

    def listed(self) -> dict[str, dict[str, Any]]:
        """The records of remote seats, by name."""
        found = [json.loads(path.read_text()) for path in (self.config / "sessions").glob("*.json")]
        return {record["name"]: record for record in found if str(record["pidDomain"]).startswith("multifleet:")}

    def sockets(self) -> set[str]:
        """Of all that were ever listed, those that are there."""
        return {record["messagingSocketPath"] for record in self.listed().values()}

    def is_there(self, *sockets: str) -> bool:
        """Whether all of these socket files are."""
        return all(map(os.path.exists, sockets))

    def client(self, **changes: Any) -> Pretended:
        """A session of this machine."""
        return Pretended(self.config, self.machine.home.parent / "project", **changes)


@pytest.fixture
async def desk(fleet: Machines) -> AsyncIterator[Desk]:
    mac1, _ = fleet.add("mac1", "mac2")
    desk = Desk(mac1)
    await desk.start()
    yield desk
    await desk.end()


async def test_remote_seats_are_listed_while_a_session_can_use_them(desk: Desk) -> None:
    await desk.presence.look()
    assert desk.listed() == {}
    async with desk.client():
        await desk.presence.look()
        record = desk.listed()["mac2/api"]
        assert record["status"] == "idle" and desk.is_there(record["messagingSocketPath"])
    await desk.presence.look()
    assert desk.listed() == {} and not desk.is_there(record["messagingSocketPath"])


async def test_records_follow_what_the_other_machines_tell(desk: Desk) -> None:
    async with desk.client():
        await desk.presence.look()
        first = desk.listed()["mac2/api"]
        desk.nodes = {"mac2": {"api": "busy", "web": ""}}
        await desk.presence.look()
        assert desk.listed()["mac2/api"]["status"] == "busy" and "status" not in desk.listed()["mac2/web"]
        assert desk.listed()["mac2/api"]["startedAt"] == first["startedAt"]
        desk.nodes = {"mac2": None}
        await desk.presence.look()
        assert sorted(desk.listed()) == ["mac2/api", "mac2/web"]
        desk.nodes = {"mac2": {"web": ""}}
        await desk.presence.look()
        assert list(desk.listed()) == ["mac2/web"] and not desk.is_there(first["messagingSocketPath"])
        desk.nodes = {}
        await desk.presence.look()
        assert desk.listed() == {}


async def test_a_record_that_somebody_removed_is_there_again(desk: Desk) -> None:
    async with desk.client():
        await desk.presence.look()
        (desk.config / "sessions" / f"{desk.listed()['mac2/api']['pid']}.json").unlink()
        await desk.presence.look()
        assert list(desk.listed()) == ["mac2/api"]


@pytest.mark.parametrize("changes", [{"version": "2.1.197"}, {"messagingSocketPath": None}])
async def test_a_client_that_is_not_known_to_take_them_gets_none(desk: Desk, changes: dict[str, Any]) -> None:
    async with desk.client(**changes):
        await desk.presence.look()
        assert desk.listed() == {}


async def test_nothing_is_left_when_the_daemon_ends(desk: Desk) -> None:
    async with desk.client():
        await desk.presence.look()
        sockets = desk.sockets()
        await desk.end()
        assert desk.listed() == {} and not any(map(desk.is_there, sockets))
        await desk.start()


@pytest.mark.parametrize("of_earlier_version", [False, True])
async def test_what_a_killed_daemon_left_is_cleared_by_the_next_one(desk: Desk, of_earlier_version: bool) -> None:
    async with desk.client():
        desk.nodes["mac2"] = {"api": "", "gone": ""}
        await desk.presence.look()
        first, sockets = desk.listed(), desk.sockets()
        await desk.kill()
        assert desk.listed() == first and desk.is_there(*sockets)
        if of_earlier_version:
            left = json.loads((desk.machine.home / JOURNAL).read_text())
            left["config"] = left.pop("folders")["claude"]
            (desk.machine.home / JOURNAL).write_text(json.dumps(left))
        await desk.start()
        assert desk.listed() == {} and not any(map(desk.is_there, sockets))
        desk.nodes["mac2"] = None  # it is not heard yet
        await desk.presence.look()
        assert {name: record["sessionId"] for name, record in desk.listed().items()} == {
            name: record["sessionId"] for name, record in first.items()
        }


async def test_the_switch_turns_it_off(fleet: Machines) -> None:
    (mac1,) = fleet.add("mac1")
    assert "native presence" in (await mac1.open()).native.parts
    await mac1.stop()
    mac1.config = msgspec.structs.replace(mac1.config, nativePresence=False)
    assert "native presence" not in (await mac1.open()).native.parts


def test_the_path_of_a_socket_fits_in_the_longest_folder() -> None:
    assert all(len(os.fsencode(folder / f"{'f' * 16}.sock")) <= 103 for folder in socket_folders(2**31))
