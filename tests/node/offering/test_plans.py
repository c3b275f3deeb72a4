"""Which conversation gets an answer."""

from dataclasses import replace
from pathlib import Path

import msgspec

from multifleet.node.offering.plans import plans
from multifleet.node.offering.wishes import Wish
from multifleet.sessions.base import Session, Status
from multifleet.store.rows import InboxRow
from tests.sessions.records import SESSION_ID

FIRST = Session(
    client="claude",
    session_id=SESSION_ID,
    pid=7,
    proc_start="1",
    cwd="/project",
    name="",
    status=Status.IDLE,
    version="2.1.329",
    entrypoint="cli",
    socket=Path("/tmp/7.sock"),
    transcript=None,
    started_at=0.0,
    updated_at=0.0,
    kind="interactive",
)
SECOND = replace(FIRST, session_id="b" * 8 + SESSION_ID[8:], pid=8)
ANSWER = InboxRow(
    sender="mac2",
    id="1",
    from_="mac2/api",
    to="mac1/desk",
    seat="desk",
    type="reply",
    urgency="next-turn",
    thread=None,
    n=1,
    prev=None,
    reply_to="0",
    subject=None,
    body="all green",
    authority="agent",
    created=0,
    expires=9,
    stored_at=0.0,
    channel=None,
    state="stored",
    state_at=0.0,
    session=None,
    offer=None,
    detail=None,
    attempt=0,
    packet=None,
)


def chosen(row: InboxRow, first: Session | None, asker: Session | None) -> list[Session]:
    made = plans([row], lambda row: row.seat, lambda *wanted: first, lambda row, one: "socket", lambda row: asker)
    return [plan.session for plan in made]


def test_an_answer_goes_to_the_conversation_that_asked_and_else_to_the_one_that_the_rule_chooses() -> None:
    assert chosen(ANSWER, FIRST, SECOND) == [SECOND]
    assert chosen(ANSWER, FIRST, None) == [FIRST]


def test_nobody_is_disturbed_by_having_asked() -> None:
    assert chosen(ANSWER, None, SECOND) == []


def test_what_is_for_one_session_goes_to_no_other() -> None:
    row = msgspec.structs.replace(ANSWER, packet=msgspec.json.encode(Wish(session=FIRST.session_id)))
    assert chosen(row, FIRST, SECOND) == [FIRST]
