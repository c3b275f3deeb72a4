"""However many seats a member makes up, the sockets for replies to them are so many and no more."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from multifleet.core.receipts import State
from multifleet.node.offering import replies as module
from multifleet.node.offering.replies import SOCKETS, Replies
from multifleet.sessions.claude_wire import Reply
from tests.node.fleet import Machine, Machines
from tests.node.offering.pretended import Pretended
from tests.store.made import inbox_row


@pytest.fixture
async def machine(fleet: Machines) -> AsyncIterator[Machine]:
    """One whose replies are open."""
    [machine] = fleet.add("mac2")
    node = await machine.open()
    async with AsyncExitStack() as stack:
        await node.offering.start(stack)
        yield machine


@pytest.fixture
def replies(machine: Machine) -> Replies:
    return machine.node.offering.replies


def descriptors() -> int:
    """Of sockets: threads of the node open files, and close them, at any moment."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return count


async def test_made_up_seats_have_so_many_sockets_and_the_least_recently_used_is_closed_first(replies: Replies) -> None:
    first = await replies.socket_for("mac1/s0")
    second = await replies.socket_for("mac1/s1")
    assert first and second
    for number in range(2, SOCKETS):
        await replies.socket_for(f"mac1/s{number}")
    before = descriptors()
    assert await replies.socket_for("mac1/s0") is first  # a use
    for number in range(SOCKETS, 2 * SOCKETS - 1):
        assert await replies.socket_for(f"mac1/s{number}")
    assert descriptors() <= before and len(replies._sockets) == SOCKETS
    assert first.path.exists() and not second.path.exists()
    again = await replies.socket_for("mac1/s1")
    assert again and again.address == second.address and again.path.exists(), "the same address as a model was told"


async def test_listed_seats_stay_open_until_released(replies: Replies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOCKETS", 1)
    listed = [await replies.socket_for(f"mac1/listed{number}", is_listed=True) for number in range(3)]
    for number in range(3):
        await replies.socket_for(f"mac1/s{number}")
    assert len(replies._sockets) == 4 and all(one and one.path.exists() for one in listed)
    for number in range(3):
        await replies.release(f"mac1/listed{number}")
    assert list(replies._remotes.values()) == ["mac1/s1", "mac1/s2"] and len(replies._sockets) == 1


async def test_what_was_said_at_a_socket_still_finds_its_way_when_it_is_closed(
    replies: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOCKETS", 1)
    heard = await replies.socket_for("mac1/s0")
    assert heard
    await replies.socket_for("mac1/s1")
    assert not heard.path.exists() and replies._remotes[heard.name] == "mac1/s0"


async def test_to_be_written_to_is_a_use(replies: Replies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOCKETS", 2)
    one, other = await replies.socket_for("mac1/s0"), await replies.socket_for("mac1/s1")
    assert one and other
    replies._hear(Reply(one.name, None, "hello", 1, None, None, None))
    await replies.socket_for("mac1/s2")
    assert one.path.exists() and not other.path.exists()


async def test_a_machine_that_makes_up_seats_closes_no_socket_of_another_one(
    replies: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOCKETS", 4)
    others = [await replies.socket_for(remote) for remote in ("mac3/api", "mac3/web", "mac4")]
    made_up = [await replies.socket_for(f"mac1/s{number}") for number in range(9)]
    assert all(one and one.path.exists() for one in others) and len(replies._sockets) == 4
    assert [one.path.exists() for one in made_up if one] == [False] * 8 + [True]


async def test_nor_does_it_have_the_conversations_of_another_one_forgotten(replies: Replies) -> None:
    replies.showed("a session", inbox_row("id", from_="mac3/api"))
    for number in range(module.LATEST):
        replies.showed("a session", inbox_row(f"id{number}", from_=f"mac1/s{number}"))
    assert ("a session", "mac3/api") in replies._latest and len(replies._latest) == module.LATEST


async def test_the_latest_messages_are_so_many(replies: Replies) -> None:
    for number in range(module.LATEST + 9):
        replies.showed("a session", inbox_row(f"id{number}", from_=f"mac1/s{number}"))
    assert len(replies._latest) == module.LATEST


async def test_all_sockets_are_closed_when_the_daemon_ends(fleet: Machines) -> None:
    [machine] = fleet.add("mac2")
    node = await machine.open()
    async with AsyncExitStack() as stack:
        await node.offering.start(stack)
        opened = await node.offering.replies.socket_for("mac1/s0")
        assert opened and opened.path.exists()
    assert not opened.path.exists()


async def test_what_an_inbox_takes_from_a_sender_is_counted_by_machine(fleet: Machines, tmp_path: Path) -> None:
    mac1, mac2 = await fleet.started("mac1", "mac2")
    async with Pretended(Path(mac2.config.claudeConfigDir or ""), tmp_path / "api"):
        for seat in ("s0", "s1"):
            (tmp_path / seat).mkdir()
            await mac1.node.seat_bind(seat, str(tmp_path / seat), False)
            sent = await mac1.node.messages.send("mac2", f"from {seat}", sender_seat=seat)
            await mac1.wait(sent.id, State.OFFERED)
        assert list(mac2.node.offering._limits) == [("mac1", os.getpid())]
