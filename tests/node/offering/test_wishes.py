"""What a sender wishes for a message beyond its seat: one exact session, or the gold of the one that sees it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from multifleet.core.receipts import State
from multifleet.errors import BadInput
from multifleet.node.offering.wishes import for_session, wish_of
from multifleet.operations.injecting import Inject, inject
from tests.node.fleet import Machine, Machines
from tests.node.offering.pretended import Pretended
from tests.sessions.records import SESSION_ID

OTHER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def pair(fleet: Machines) -> tuple[Machine, Machine]:
    """mac1 writes to mac2."""
    mac1, mac2 = await fleet.started("mac1", "mac2")
    return mac1, mac2


@pytest.fixture
async def client(pair: tuple[Machine, Machine], tmp_path: Path) -> AsyncIterator[Pretended]:
    """A session on mac2 that has worked on something."""
    async with Pretended(Path(pair[1].config.claudeConfigDir or ""), tmp_path / "api") as client:
        used = {"type": "tool_use", "input": {"file_path": "/x/invoice_printer.py"}}
        client.transcript.write_text(json.dumps({"message": {"content": [used]}}) + "\n")
        yield client


async def test_a_message_for_one_session_is_given_to_that_one_alone(
    pair: tuple[Machine, Machine], client: Pretended
) -> None:
    mac1, mac2 = pair
    wrong = await inject(mac1.node, Inject("mac2", OTHER, "not for you"))
    await mac1.wait(wrong.id, State.STORED)
    right = await inject(mac1.node, Inject("mac2", SESSION_ID, "for you alone"))
    line = await client.offered()
    assert "for you alone" in str(line["message"]) and "worked on" not in str(line["message"])
    await mac1.wait(right.id, State.OFFERED)
    row = await mac2.node.store.inbox.get("mac1", wrong.id)
    assert row is not None and (row.state, len(client.lines)) == (State.STORED, 1)
    assert 0 < row.expires - row.stored_at <= 602
    assert wish_of(row).session == OTHER and for_session([row], SESSION_ID) == [] and for_session([row], OTHER) == [row]


async def test_a_start_hook_brings_no_other_session_what_is_for_one(pair: tuple[Machine, Machine]) -> None:
    mac1, mac2 = pair
    sent = await inject(mac1.node, Inject("mac2", OTHER, "for you alone"))
    await mac1.wait(sent.id, State.STORED)
    started = mac2.node.offering.session_started
    assert await started("another", str(mac2.home.parent), False) == ""
    assert "for you alone" in await started(OTHER, str(mac2.home.parent), False)


async def test_a_smart_message_comes_with_what_its_session_worked_on_and_another_without(
    pair: tuple[Machine, Machine], client: Pretended
) -> None:
    mac1, _ = pair
    sent = await mac1.node.messages.send("mac2", "first", smart=True)
    text = str((await client.offered())["message"])
    about, _, fenced = text.partition("<<<")
    assert "What this session worked on: invoice, printer." in about and "first" in fenced
    trace = await mac1.node.messages.trace(sent.id)
    assert "invoice" not in str(trace), "the sender does not learn it"
    await mac1.node.messages.send("mac2", "second")
    assert "worked on" not in str((await client.offered(2))["message"])


async def test_a_session_that_could_not_be_one_is_refused_before_it_is_sent(pair: tuple[Machine, Machine]) -> None:
    with pytest.raises(BadInput, match="session"):
        await pair[0].node.messages.send("mac2", "x", session="../x")
