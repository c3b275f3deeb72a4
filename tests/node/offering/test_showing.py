"""What a session is shown of stored messages always fits on its way in, and says which messages are in it."""

import uuid

import pytest

from multifleet.core.fence import DEFAULT_BUDGET, units
from multifleet.node.offering.showing import shown_by_hook, shown_in_line
from multifleet.node.offering.watching import token_of
from multifleet.sessions.claude_wire import message_line
from multifleet.store.rows import InboxRow
from tests.store.made import inbox_row

OFFER = "4e1cff5f-7714-4339-9e54-1f4f9a36dd59"


def rows(*bodies: str) -> list[InboxRow]:
    return [inbox_row(f"m{number}", body=body) for number, body in enumerate(bodies)]


@pytest.mark.parametrize("unit", ["x", "\x01", "é", "漢", "🚀", "\\", '"', "<", "\u202e", "\n"])
@pytest.mark.parametrize("count", [1, 4])
def test_whatever_the_bodies_are_the_text_makes_a_line_that_the_inbox_takes(unit: str, count: int) -> None:
    body = unit * (256 * 1024 // len(unit.encode()))
    fenced, shown = shown_in_line(OFFER, rows(*[body] * count))
    line = message_line(
        fenced.text,
        offer_id=OFFER,
        session_id=str(uuid.uuid4()),
        from_address="uds:/tmp/cc-socks/0123456789abcdef.sock",
        from_name="mac1/desk",
        from_session=token_of(OFFER),
    )
    assert len(line) <= 1_000_000 and shown


def test_a_hooks_text_keeps_its_budget_and_the_rest_is_left_for_later() -> None:
    given = rows("first " * 500, "second " * 500, "third " * 500, "fourth")
    fenced, shown = shown_by_hook(OFFER, given)
    assert units(fenced.text) <= DEFAULT_BUDGET
    assert [row.id for row in shown] == [*fenced.shown, *fenced.shortened] and 1 <= len(shown) < 4
    assert shown == given[: len(shown)]


def test_messages_of_two_senders_with_one_id_are_told_apart() -> None:
    given = [inbox_row("same", body="first " * 1_400), inbox_row("same", sender="mac3", body="second " * 1_400)]
    _, shown = shown_by_hook(OFFER, given)
    assert shown == given[: len(shown)] and len(shown) == 1
