"""What the demo says at the end of its blackout is what is so, also on a machine that is too busy to heal in time."""

from typing import Any

import pytest

from multifleet.demo import blackout
from multifleet.demo.blackout import Blackout, what_is_left
from multifleet.demo.fleet_node import DemoFailed

WELL = dict.fromkeys(blackout.SHOWN, "healthy")


class Node:
    """Answers as the command line of a node does; its channels are in the states that it is told."""

    name = "gpu"

    def __init__(self, states: dict[str, str]) -> None:
        self.states = states
        self.arrives = True

    async def ask(self, *words: str) -> Any:
        if words[0] == "channels":
            rows = self.states.items()
            return {"channels": [{"channel": name, "state": state, "last_error": "no way"} for name, state in rows]}
        if words[0] == "trace":
            return {"state": "queued", "events": [{"state": "stored", "channel": "git"}]}
        return {"id": "1"}

    async def run(self, *words: str) -> str:
        if not self.arrives:
            raise DemoFailed("no receipt of its arrival")
        return ""


class Way:
    """A way that counts how often it was cut and mended."""

    done = "it is off"

    def __init__(self, *channels: str) -> None:
        self.channels = channels
        self.cuts = self.mends = 0

    async def cut(self) -> None:
        self.cuts += 1

    async def mend(self) -> None:
        self.mends += 1


class Heard:
    """A teller whose words are kept."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.say = self.output = self.lines.append


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blackout, "HEALS_WITHIN", 0.02)
    monkeypatch.setattr(blackout, "LOOK_EVERY", 0.005)


async def played(node: Node, ways: list[Way]) -> tuple[Blackout, str]:
    heard = Heard()
    act = Blackout(node, node, ways, heard)  # type: ignore[arg-type]
    await act.play()
    return act, "\n".join(heard.lines)


async def test_a_machine_too_busy_to_heal_in_time_is_told_and_no_failure() -> None:
    ways = [Way("nats"), Way("git")]
    act, told = await played(Node(WELL | {"nats": "healing", "ssh": "broken"}), ways)
    assert act.healed is None and len(act.sent) == 3
    assert act.left == {"nats": "healing: no way", "ssh": "broken: no way"}
    assert "all is well" not in told
    assert "Not well within 0.02 s: nats" in told and "Broken are still ssh" in told
    assert [(way.cuts, way.mends) for way in ways] == [(1, 1), (1, 1)]


async def test_where_all_is_well_nothing_else_is_said() -> None:
    act, told = await played(Node(WELL), [Way("nats"), Way("git")])
    assert act.healed is not None and told.endswith("by itself")


async def test_where_a_message_does_not_arrive_the_ways_are_mended_all_the_same() -> None:
    node, ways = Node(WELL), [Way("nats"), Way("git")]
    node.arrives = False
    with pytest.raises(DemoFailed, match="no receipt"):
        await played(node, ways)
    assert [way.cuts - way.mends for way in ways] == [0, 0]


def test_what_is_not_well_is_named_with_what_becomes_of_it() -> None:
    assert what_is_left(WELL) == []
    (broken, doubted) = what_is_left(WELL | {"seed": "degraded", "ssh": "broken"})
    assert "ssh" in broken and "probed by themselves" in broken
    assert "seed" in doubted and "probed by themselves" in doubted
