"""Typing into terminals: a real tmux and ps, and a small program in the agent's place."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.channels.base import ChannelError
from multifleet.channels.terminals import find_place, type_line
from tests.channels.agent_pane import Terminals

LINE = "[multifleet: message m1 from mac1] it's \"quoted\" $(touch x) `id`; #{pane_id} rebase"


@pytest.fixture
async def terminals(tmp_path: Path) -> AsyncIterator[Terminals]:
    made = Terminals(tmp_path / "t")
    yield made
    await made.end()


async def test_the_line_stands_in_the_agents_prompt_and_nothing_is_submitted(terminals: Terminals) -> None:
    await terminals.start("bash", "--norc", server="shell", shows="bash-")
    await terminals.agent()
    place = await find_place(terminals.run)
    await type_line(terminals.run, place, LINE, "mf01")
    shown = await terminals.screen()
    assert LINE in shown.replace("\n", "") and "SUBMITTED" not in shown
    assert "multifleet" not in await terminals.screen("shell")
    assert [stdin for _, stdin in terminals.commands if stdin] == [LINE.encode()], "the text is in no command"
    assert not any("rebase" in command for command, _ in terminals.commands)
    assert await terminals.tmux("list-buffers") == ""
    with pytest.raises(ChannelError, match="half-typed draft"):
        await find_place(terminals.run)


async def test_a_draft_is_left_as_it_is(terminals: Terminals) -> None:
    await terminals.agent("half typed")
    before = await terminals.screen()
    with pytest.raises(ChannelError, match="half-typed draft"):
        await find_place(terminals.run)
    assert await terminals.screen() == before


async def test_what_a_person_types_between_the_look_and_the_line_is_not_mixed_with_it(terminals: Terminals) -> None:
    await terminals.agent()
    place = await find_place(terminals.run)
    await terminals.tmux("send-keys", "-t", "s", "-l", "me")
    while "me" not in await terminals.screen():
        pass
    with pytest.raises(ChannelError, match="somebody typed there just now") as told:
        await type_line(terminals.run, place, LINE, "mf01")
    assert not told.value.unknown and "multifleet" not in await terminals.screen()
    assert await terminals.tmux("list-buffers") == ""


async def test_another_agent_with_a_free_prompt_is_taken_instead(terminals: Terminals) -> None:
    await terminals.agent("half typed")
    await terminals.agent(server="two")
    place = await find_place(terminals.run)
    assert place.pane is not None and place.pane.server.endswith("/two")


async def test_shells_and_machines_without_tmux_are_left_alone(terminals: Terminals) -> None:
    await terminals.start("bash", "--norc", shows="bash-")
    with pytest.raises(ChannelError, match="no agent runs in a terminal there"):
        await find_place(terminals.run)
    await terminals.end()
    terminals.sockets.rename(terminals.folder / "elsewhere")
    with pytest.raises(ChannelError, match="no agent runs in a terminal there"):
        await find_place(terminals.run)
