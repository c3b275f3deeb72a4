"""What a node takes from agents: by its user's rules, within its budgets, and never an endless conversation."""

import msgspec
import pytest

from multifleet.config import BudgetSettings
from multifleet.core.receipts import State
from multifleet.errors import BadInput, OverBudget, UnknownNode, UnknownSeat
from multifleet.node.authority import admission
from tests.node.fleet import Machine, Machines


async def started(fleet: Machines, **budgets: int) -> tuple[Machine, Machine]:
    """mac1 and mac2, which has the seat api and these budgets."""
    mac1, mac2 = fleet.add("mac1", "mac2")
    mac2.config = msgspec.structs.replace(mac2.config, budgets=BudgetSettings(**budgets))
    await mac1.start()
    await mac2.start()
    await mac2.node.seat_bind("api", str(fleet.folder), False)
    return mac1, mac2


async def refused(sender: Machine, to: str, body: str, **how: object) -> str:
    """The signed reason why a message was refused."""
    sent = await sender.node.messages.send(to, body, **how)  # type: ignore[arg-type]
    story = await sender.wait(sent.id, State.REFUSED)
    return str(story.events[-1].detail)


async def test_a_rule_refuses_with_a_signed_reason_and_outlives_a_restart(fleet: Machines) -> None:
    mac1, mac2 = await started(fleet)
    await mac2.node.admission.allow("api", "mac1", "context")
    await mac2.restart()
    words = "api takes context from mac1 and no task: its user has decided so"
    assert await refused(mac1, "mac2/api", "do it", type="task") == words
    await mac1.wait((await mac1.node.messages.send("mac2/api", "read it")).id, State.STORED)
    await mac2.node.admission.allow("*", "mac1", "nothing")
    assert await refused(mac1, "mac2", "hello") == "this machine takes no messages from mac1: its user has decided so"
    await mac2.node.admission.allow("*", "mac1", None)
    await mac1.wait((await mac1.node.messages.send("mac2", "hello")).id, State.STORED)


async def test_a_rule_is_for_a_seat_and_a_machine_that_there_are(fleet: Machines) -> None:
    _, mac2 = await started(fleet)
    rules = mac2.node.rules
    with pytest.raises(UnknownSeat, match="seats: api"):
        await rules.allow("apu", "*", "nothing")
    with pytest.raises(UnknownNode, match="known: mac1"):
        await rules.allow("*", "mac9/web", "nothing")
    for sender in ("mac1", "mac1/web", "mac2", "*"):
        await rules.allow("api", sender, "context")
    await mac2.node.seat_remove("api")
    mac2.node.members.remove("mac1")
    for sender in ("mac1", "mac1/web", "mac2", "*", "mac9"):
        await rules.allow("api", sender, None)
    assert not mac2.node.admission.rules


async def test_the_rules_are_so_many_and_no_more(fleet: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "RULES_LIMIT", 1)
    [mac1] = fleet.add("mac1")
    rules = (await mac1.open()).admission
    await rules.allow("api", "*", "nothing")
    await rules.allow("api", "*", "context")
    with pytest.raises(BadInput, match="seat rules"):
        await rules.allow("web", "*", "nothing")


async def test_a_seat_takes_so_many_messages_of_agents_a_day(fleet: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "KEEP_EVERY", 1)
    mac1, mac2 = await started(fleet, day=8)
    for body in ("one", "two"):
        await mac1.wait((await mac1.node.messages.send("mac2/api", body)).id, State.STORED)
    assert "budgets.day" in await refused(mac1, "mac2/api", "three")
    await mac1.wait((await mac1.node.messages.send("mac2", "to the node")).id, State.STORED)
    await mac2.restart()
    assert "budgets.day" in await refused(mac1, "mac2/api", "four", thread="t")
    assert await mac2.bodies() == ["one", "to the node", "two"]


async def test_a_machine_sends_so_much_to_single_sessions_a_day(fleet: Machines) -> None:
    mac1, mac2 = await started(fleet, day=8)
    for session in ("one", "two"):
        await mac1.wait((await mac1.node.messages.send("mac2", session, session=session)).id, State.STORED)
    words = "mac1 has sent 2 messages to single sessions today, its share of what all agents may"
    assert words in await refused(mac1, "mac2", "three", session="three")
    await mac1.wait((await mac1.node.messages.send("mac2", "to the node")).id, State.STORED)
    assert await mac2.bodies() == ["one", "to the node", "two"]


async def test_the_seats_that_a_machine_names_as_senders_spend_one_share(fleet: Machines) -> None:
    mac1, mac2 = await started(fleet, day=8, thread=1)
    for number in range(4):
        (folder := fleet.folder / f"s{number}").mkdir()
        await mac1.node.seat_bind(f"s{number}", str(folder), False)
    await mac1.wait((await mac1.node.messages.send("mac2/api", "one", sender_seat="s0")).id, State.STORED)
    assert "mac1 has sent 1 messages without a thread" in await refused(mac1, "mac2/api", "two", sender_seat="s1")
    await mac1.wait((await mac1.node.messages.send("mac2/api", "two", thread="t", sender_seat="s2")).id, State.STORED)
    assert "its share" in await refused(mac1, "mac2/api", "three", thread="u", sender_seat="s3")
    assert await mac2.bodies() == ["one", "two"]


async def test_a_thread_has_its_own_budget(fleet: Machines) -> None:
    mac1, _ = await started(fleet, thread=1)
    for thread in (None, "t"):
        await mac1.wait((await mac1.node.messages.send("mac2/api", "one", thread=thread)).id, State.STORED)
    assert "of this thread" in await refused(mac1, "mac2/api", "two", thread="t")


async def test_agents_that_answer_each_other_come_to_an_end(fleet: Machines) -> None:
    mac1, mac2 = await started(fleet, hops=4)
    here, there = mac1, mac2
    sent = await here.node.messages.send("mac2", "what do you think?")
    with pytest.raises(OverBudget, match="answer number 5 in a row without a person, and 4 are allowed"):
        for _ in range(9):
            await here.wait(sent.id, State.STORED)
            here, there = there, here
            sent = await here.node.messages.reply(sent.id, "and what do you think?")
    assert here is mac2
    assert sorted(row.hops for row in [*await mac1.received(), *await mac2.received()]) == [0, 1, 2, 3, 4]


async def test_what_says_that_multifleet_wrote_it_is_an_agents_and_counts_as_one(fleet: Machines) -> None:
    mac1, mac2 = await started(fleet, day=8)
    for body in ("one", "two"):
        sent = await mac1.node.messages.send("mac2/api", body, authority="system")
        await mac1.wait(sent.id, State.STORED)
    assert "budgets.day" in await refused(mac1, "mac2/api", "three", authority="system")
    assert [row.authority for row in await mac2.received()] == ["agent", "agent"]


async def test_what_an_agent_says_hours_later_begins_anew(fleet: Machines) -> None:
    mac1, mac2 = await started(fleet)
    sent = await mac1.node.messages.send("mac2", "when you have time", hops=9)
    await mac1.wait(sent.id, State.STORED)
    await mac2.wait((await mac2.node.messages.reply(sent.id, "at once")).id, State.STORED)
    mac2.time.pass_(3_700.0)
    await mac2.wait((await mac2.node.messages.reply(sent.id, "in the end")).id, State.STORED)
    assert [row.hops for row in await mac1.received()] == [10, 0]


async def test_a_sender_that_does_not_count_is_refused_all_the_same(fleet: Machines) -> None:
    mac1, _ = await started(fleet, hops=3)
    assert "answer number 4" in await refused(mac1, "mac2", "again", hops=4)


async def test_thanks_for_an_answer_go_as_a_receipt(fleet: Machines) -> None:
    mac1, mac2 = await started(fleet)
    asked = await mac1.node.messages.send("mac2", "are the tests green?")
    await mac1.wait(asked.id, State.STORED)
    answer = await mac2.node.messages.reply(asked.id, "ok")
    await mac2.wait(answer.id, State.STORED)
    thanks = await mac1.node.messages.reply(answer.id, "Thanks!")
    assert thanks.state == "answered"
    assert thanks.reason == "an acknowledgement of an answer goes as a receipt, not as a message"
    story = await mac2.wait(answer.id, State.ANSWERED)
    assert story.events[-1].detail == "acknowledged: Thanks!"
    assert await mac2.bodies() == ["are the tests green?"]
