"""P8: each message once, one line in thirty seconds, and the truth about what became of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from multifleet.channels.base import ChannelError, Parcel, Success, Target
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.text import TextChannel
from multifleet.core.fence import Authority, FencedMessage
from tests.channels.agent_pane import Terminals
from tests.channels.here import here

TARGET = Target("mac2")


def parcel(*ids: str) -> Parcel:
    shown = (FencedMessage(id, "mac1/api", Authority.AGENT, "task", None, f"body of {id}", 1.0) for id in ids)
    return Parcel(b"mf1", ids, tuple(shown))


class World:
    """A channel whose SSH is a shell on this machine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.terminals = Terminals(home / "t")
        self.now = 5000.0

    async def channel(self, monkeypatch: pytest.MonkeyPatch) -> TextChannel:
        made = TextChannel(SshConnections())
        monkeypatch.setattr(made, "_runner", lambda target: self.terminals.run)
        await made.start(AsyncExitStack(), here(self.home, monotonic=lambda: self.now))
        return made

    async def empty_prompt(self) -> None:
        await self.terminals.end()
        await self.terminals.agent()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.terminals.agent()
    yield made
    await made.terminals.end()


async def test_a_message_is_typed_once_and_the_next_one_thirty_seconds_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await world.channel(monkeypatch)
    carried = await channel.deliver(TARGET, parcel("m1"))
    assert carried.success is Success.NUDGED
    assert carried.where == "claude in tmux %0 on mac2: it stands in the prompt, for a person to send"
    await world.empty_prompt()
    with pytest.raises(ChannelError, match="before: claude in tmux"):
        await channel.deliver(TARGET, parcel("m1"))
    world.now += 29
    with pytest.raises(ChannelError, match="typed there lately; again in 1 s"):
        await channel.deliver(TARGET, parcel("m1", "m2"))
    world.now += 1
    await channel.deliver(TARGET, parcel("m1", "m2"))
    shown = await world.terminals.screen()
    assert "body of m2" in shown and "body of m1" not in shown


async def test_a_restart_forgets_neither_what_was_typed_nor_when(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await (await world.channel(monkeypatch)).deliver(TARGET, parcel("m1"))
    await world.empty_prompt()
    channel = await world.channel(monkeypatch)
    for ids, why in (("m1",), "before: claude in tmux"), (("m2",), "typed there lately"):
        with pytest.raises(ChannelError, match=why):
            await channel.deliver(TARGET, parcel(*ids))
    assert "body" not in await world.terminals.screen()


async def test_what_was_not_typed_over_a_draft_is_typed_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = await world.channel(monkeypatch)
    await world.terminals.tmux("send-keys", "-t", "s", "-l", "half typed")
    while "half typed" not in await world.terminals.screen():
        pass
    with pytest.raises(ChannelError, match="half-typed draft"):
        await channel.deliver(TARGET, parcel("m1"))
    await world.empty_prompt()
    await channel.deliver(TARGET, parcel("m1"))
    assert "body of m1" in await world.terminals.screen()


async def test_a_line_that_could_not_be_handed_over_costs_no_pause(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await world.channel(monkeypatch)
    run = world.terminals.run

    async def is_full(command: str, stdin: bytes) -> bytes:
        if "load-buffer" in command:
            raise ChannelError("no space left on device")
        return await run(command, stdin)

    monkeypatch.setattr(channel, "_runner", lambda target: is_full)
    with pytest.raises(ChannelError, match="no space left"):
        await channel.deliver(TARGET, parcel("m1"))
    monkeypatch.setattr(channel, "_runner", lambda target: run)
    await channel.deliver(TARGET, parcel("m1"))
    assert "body of m1" in await world.terminals.screen()


async def test_it_is_never_tried_only_to_see_whether_it_works(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = await world.channel(monkeypatch)
    with pytest.raises(ChannelError, match="without telling somebody"):
        await channel.deliver(TARGET, Parcel(b"mf1"))
    assert world.terminals.commands == []


async def test_without_a_login_it_is_left_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no SSH login" in (await world.channel(monkeypatch)).reaches(TARGET)
