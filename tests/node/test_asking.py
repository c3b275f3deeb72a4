"""Questions between nodes: answered by who serves them, told apart when they come twice, refused with words."""

from typing import ClassVar

import msgspec
import pytest

from multifleet.channels.base import ChannelError
from multifleet.channels.memory import MemoryChannel, Network
from multifleet.core import asks
from multifleet.core.asks import Ask, Question, Told
from multifleet.core.frame import WINDOW
from multifleet.core.packets import Wire
from multifleet.errors import BadInput
from multifleet.node import asking
from tests.node.fleet import Machine, Machines


class Sum(Wire, frozen=True, kw_only=True):
    """What is told."""

    total: int


class Add(Question, frozen=True, kw_only=True, tag="add"):
    """A question."""

    tells: ClassVar[type[Wire]] = Sum
    numbers: list[int]


async def add(sender: str, question: Add) -> Sum:
    """Answers, unless there is nothing to add."""
    if not question.numbers:
        raise BadInput("there is nothing to add")
    return Sum(total=sum(question.numbers))


@pytest.fixture
async def pair(fleet: Machines) -> tuple[Machine, Machine]:
    """mac2 adds for mac1."""
    mac1, mac2 = await fleet.started("mac1", "mac2")
    mac2.node.asking.serve(Add, add)
    return mac1, mac2


async def test_a_peer_tells_what_it_is_asked(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    assert await mac1.node.asking.ask("mac2", Add(numbers=[1, 2]), 5) == Sum(total=3)


async def test_a_refusal_comes_back_in_the_peers_words(pair: tuple[Machine, Machine]) -> None:
    mac1, _ = pair
    with pytest.raises(ChannelError, match="mac2 said: there is nothing to add"):
        await mac1.node.asking.ask("mac2", Add(numbers=[]), 5)


async def test_a_question_that_the_peer_does_not_know_is_refused(pair: tuple[Machine, Machine]) -> None:
    _, mac2 = pair
    with pytest.raises(ChannelError, match="does not answer add: turned off there"):
        await mac2.node.asking.ask("mac1", Add(numbers=[1]), 5)


async def test_a_peer_that_nothing_reaches_is_told_with_the_channels_reason(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    mac1.network.severed.add(mac2.name)
    with pytest.raises(ChannelError, match="memory: no route to mac2"):
        await mac1.node.asking.ask("mac2", Add(numbers=[1]), 5)


async def test_silence_ends_in_time_with_an_unknown_outcome(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    mac1.network.silent.add(mac2.name)
    with pytest.raises(ChannelError, match=r"no answer in 0\.1 s") as failed:
        await mac1.node.asking.ask("mac2", Add(numbers=[1]), 0.1)
    assert failed.value.unknown


async def test_a_clock_that_is_off_is_learned_on_the_way(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    mac2.time.pass_(3600)
    assert await mac1.node.asking.ask("mac2", Add(numbers=[4]), 5) == Sum(total=4)
    assert mac1.node.members.need("mac2").offset == pytest.approx(3600, abs=5)


async def test_the_same_frame_again_is_not_done_again(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    done: list[int] = []

    async def count(sender: str, question: Add) -> Sum:
        done.append(1)
        return Sum(total=len(done))

    mac2.node.asking.serve(Add, count)
    member = mac1.node.members.need("mac2")
    question = Ask(time=int(mac1.node.clock.now()), what="add", body=msgspec.Raw(b'{"type":"add","numbers":[]}'))
    frame, nonce = mac1.node.exchange.ask(member, question)
    answers = [await mac2.node.receiving.take(frame, "", "memory") for _ in range(3)]
    told = [mac1.node.exchange.open_told(member, nonce, answer, asks.read_told) for _, answer in answers]
    assert [one.refusal for one in told] == ["", "replay", "replay"]
    assert isinstance(told[0], Told) and done == [1]


class Do(Add, frozen=True, kw_only=True, tag="do"):
    """One that does something."""

    lasting: ClassVar[bool] = True


async def test_what_does_something_is_not_done_again_after_a_restart_in_the_same_second(
    pair: tuple[Machine, Machine],
) -> None:
    mac1, mac2 = pair
    done: list[int] = []

    async def do(sender: str, question: Do) -> Sum:
        done.append(1)
        return Sum(total=len(done))

    member = mac1.node.members.need("mac2")
    question = Ask(time=int(mac1.node.clock.now()), what="do", body=msgspec.Raw(b'{"type":"do","numbers":[]}'))
    frame, nonce = mac1.node.exchange.ask(member, question)
    told = []
    for _ in range(2):
        mac2.node.asking.serve(Do, do)
        mac2.node.asking._since = mac1.node.clock.now() - 1.0  # as if it had been started at once
        _, answer = await mac2.node.receiving.take(frame, "", "memory")
        told.append(mac1.node.exchange.open_told(member, nonce, answer, asks.read_told).refusal)
        await mac2.restart()
    assert told == ["", "replay"] and done == [1]


async def test_a_command_that_starts_slowly_does_once_what_it_was_asked_before(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    done: list[int] = []

    async def do(sender: str, question: Do) -> Sum:
        done.append(1)
        return Sum(total=len(done))

    member = mac1.node.members.need("mac2")
    question = Ask(time=int(mac1.node.clock.now()), what="do", body=msgspec.Raw(b'{"type":"do","numbers":[]}'))
    frame, nonce = mac1.node.exchange.ask(member, question)
    told = []
    for start in (mac2.open, mac2.open, mac2.start):
        await mac2.stop()
        mac2.time.pass_(10.0)
        await start()
        mac2.node.asking.serve(Do, do)
        _, answer = await mac2.node.receiving.take(frame, "", "ssh")
        told.append(mac1.node.exchange.open_told(member, nonce, answer, asks.read_told).refusal)
    assert told == ["", "replay", "replay"] and done == [1]


async def test_a_command_on_a_store_that_is_younger_than_the_question_does_not_do_it(
    pair: tuple[Machine, Machine],
) -> None:
    mac1, mac2 = pair
    mac2.node.asking.serve(Do, add)
    member = mac1.node.members.need("mac2")
    question = Ask(time=int(mac1.node.clock.now()), what="do", body=msgspec.Raw(b'{"type":"do","numbers":[1]}'))
    frame, nonce = mac1.node.exchange.ask(member, question)
    mac2.node.asking._is_running = lambda: False
    mac2.node.asking._noted_since = mac2.node.clock.now() + 2.0
    _, answer = await mac2.node.receiving.take(frame, "", "ssh")
    assert mac1.node.exchange.open_told(member, nonce, answer, asks.read_told).refusal == "replay"


async def test_who_asks_right_after_its_start_is_answered_though_times_come_in_whole_seconds(
    pair: tuple[Machine, Machine],
) -> None:
    mac1, mac2 = pair
    to_the_half = 1.5 - mac2.node.clock.now() % 1.0
    for machine in pair:
        machine.time.pass_(to_the_half)
    await mac2.restart()
    mac2.node.asking.serve(Add, add)
    member = mac1.node.members.need("mac2")
    member.offset, member.offset_bound = -0.9, 1.01
    assert await mac1.node.asking.ask("mac2", Add(numbers=[1, 2]), 5) == Sum(total=3)


async def test_what_was_asked_before_the_daemon_started_is_not_done(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    mac2.time.pass_(100)
    await mac2.restart()
    mac2.node.asking.serve(Add, add)
    member = mac1.node.members.need("mac2")
    question = Ask(time=int(mac1.node.clock.now()), what="add", body=msgspec.Raw(b'{"type":"add","numbers":[1]}'))
    frame, nonce = mac1.node.exchange.ask(member, question)
    _, answer = await mac2.node.receiving.take(frame, "", "memory")
    assert mac1.node.exchange.open_told(member, nonce, answer, asks.read_told).refusal == "replay"


async def test_nor_where_the_clock_of_who_asked_is_ahead_and_who_asks_now_is_answered_all_the_same(
    pair: tuple[Machine, Machine],
) -> None:
    mac1, mac2 = pair
    mac1.time.pass_(120)
    member = mac1.node.members.need("mac2")
    member.offset = None
    question = Ask(time=int(mac1.node.clock.now()), what="add", body=msgspec.Raw(b'{"type":"add","numbers":[1]}'))
    kept, nonce = mac1.node.exchange.ask(member, question)
    await mac2.restart()
    mac2.node.asking.serve(Add, add)
    _, answer = await mac2.node.receiving.take(kept, "", "memory")
    assert mac1.node.exchange.open_told(member, nonce, answer, asks.read_told).refusal == "outside_window"
    assert await mac1.node.asking.ask("mac2", Add(numbers=[1, 2]), 5) == Sum(total=3)
    assert member.offset is not None and abs(member.offset + 120) < 3


async def test_a_question_that_somebody_kept_is_not_answered_later(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    question = Ask(time=int(mac1.node.clock.now()), what="add", body=msgspec.Raw(b'{"kind":"add","numbers":[1]}'))
    kept, _ = mac1.node.exchange.ask(mac1.node.members.need("mac2"), question)
    status, _ = await mac2.node.receiving.take(kept, "", "relay", at_rest=True)
    assert status == 200
    again, _ = mac1.node.exchange.ask(mac1.node.members.need("mac2"), question)
    mac2.time.pass_(WINDOW + 60)
    status, _ = await mac2.node.receiving.take(again, "", "relay", at_rest=True)
    assert status == 401
    assert mac2.node.counters.snapshot()["frame_refused_outside_window"] == 1


async def test_a_silent_way_does_not_use_up_the_time_of_the_next(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "NEXT_AFTER", 0.05)

    class Straight(MemoryChannel):
        name = "nats"

    open_network = Network()
    mac1, mac2 = fleet.add("mac1", "mac2")
    mac1.more_channels = [Straight(open_network)]
    await mac1.start()
    await mac2.start()
    mac2.node.asking.serve(Add, add)
    open_network.nodes["mac2"] = fleet.network.nodes["mac2"]
    fleet.network.silent.add("mac2")
    assert await mac1.node.asking.ask("mac2", Add(numbers=[2, 2]), 5) == Sum(total=4)


async def test_a_peer_that_asks_without_end_does_not_have_the_questions_of_others_forgotten(
    fleet: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "REMEMBERED", 3)
    mac1, mac2, mac3 = await fleet.started("mac1", "mac2", "mac3")
    mac2.node.asking.serve(Add, add)
    member = mac1.node.members.need("mac2")
    ask = Ask(time=int(mac1.node.clock.now()), what="add", body=msgspec.Raw(b'{"type":"add","numbers":[1]}'))
    made, nonce = mac1.node.exchange.ask(member, ask)
    _, first = await mac2.node.receiving.take(made, "", "http")
    for _ in range(6):
        await mac3.node.asking.ask("mac2", Add(numbers=[1]), 5)
    _, again = await mac2.node.receiving.take(made, "", "http")
    told = [mac1.node.exchange.open_told(member, nonce, answer, asks.read_told) for answer in (first, again)]
    assert [getattr(one, "refusal", None) for one in told] == ["", "replay"]
