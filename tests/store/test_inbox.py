
import pytest
from msgspec.structs import replace

from multifleet.node.offering.wishes import Wish, wish_of
from multifleet.store.rows import InboundFrame, InboxChange, InboxRow
from multifleet.store.store import Store
from tests.store.made import FAR, frame, inbox_row


async def receive(store: Store, *rows: InboxRow) -> None:
    for row in rows:
        one = InboundFrame(row.sender, f"nonce of {row.sender} {row.id}", FAR, (row,), (), 0, row.stored_at)
        await store.inbox.receive(one)


async def log_states(store: Store, peer: str = "mac1") -> list[tuple[str, str]]:
    return [(row.message_id, row.state) for row in await store.inbox.log_after(peer, 0)]


def ids(rows: list[InboxRow]) -> list[str]:
    return [row.id for row in rows]


async def test_a_row_comes_back_as_it_was_given(store: Store) -> None:
    row = inbox_row("a", thread="t", n=4, prev="z", reply_to="y", subject="s", body="ü\n", packet=b"\0", seat=None)
    await receive(store, row)
    assert await store.inbox.get("mac1", "a") == replace(row, row=1)
    assert await store.inbox.get(None, "a") == replace(row, row=1)
    assert await store.inbox.get("mac9", "a") is None


async def test_of_a_signed_message_no_more_than_for_whom_it_is_is_read_to_say_why_it_waits(store: Store) -> None:
    signed = b'{"id": "a", "body": "' + b"x" * 1000 + b'", "session": "s1"}'
    await receive(store, inbox_row("a", packet=signed), inbox_row("b", packet=b'{"smart":true}'), inbox_row("c"))
    heads = await store.inbox.heads(10, 0.0)
    assert [wish_of(row) for row in heads] == [Wish(session="s1"), Wish(smart=True), Wish()]
    assert max(len(row.packet or "") for row in heads) < 100 and {row.body for row in heads} == {""}


async def test_a_state_moves_with_what_is_known_of_it_and_is_said_with_the_arrivals_channel(
    store: Store,
) -> None:
    await receive(store, inbox_row("a"))
    assert await store.inbox.advance([InboxChange("mac1", "a", "offering", 2.0, None, "s1", "o1")]) == [True]
    assert await store.inbox.advance([InboxChange("mac1", "a", "offered", 3.0, "by socket")]) == [True]
    row = await store.inbox.get("mac1", "a")
    assert row is not None
    assert (row.state, row.state_at, row.detail, row.session, row.offer) == (
        "offered",
        3.0,
        "by socket",
        "s1",
        "o1",
    )
    last = (await store.inbox.log_after("mac1", 1))[-1]
    assert (last.seq, last.state, last.at, last.channel, last.attempt) == (2, "offered", 3.0, "P2", 1)


async def test_what_is_only_this_nodes_business_is_not_said(store: Store) -> None:
    await receive(store, inbox_row("a"))
    await store.inbox.advance([InboxChange("mac1", "a", "offering", 2.0)])
    await store.inbox.advance([InboxChange("mac1", "a", "stored", 3.0, "the session ended")])
    await store.inbox.advance([InboxChange("mac1", "a", "offered", 4.0)], say=False)
    assert await log_states(store) == [("a", "stored")]


async def test_a_message_that_goes_back_belongs_to_no_session_and_waits_again(store: Store) -> None:
    await receive(store, inbox_row("a"))
    await store.inbox.advance([InboxChange("mac1", "a", "offered", 2.0, None, "s1", "o1")])
    assert await store.inbox.waiting(9) == []
    assert ids(await store.inbox.in_flight()) == ["a"]
    await store.inbox.advance([InboxChange("mac1", "a", "stored", 3.0)])
    (row,) = await store.inbox.waiting(9)
    assert (row.session, row.offer) == (None, None)
    assert await store.inbox.in_flight() == []


@pytest.mark.parametrize(
    ("steps", "moved"),
    [
        (["offered", "seen", "answered"], [True, True, True]),
        (["offered", "offered"], [True, False]),  # told twice
        (["seen", "held"], [True, False]),  # a notice that comes after the proof
        (["seen", "stored"], [True, False]),  # what was seen is not offered again
        (["answered", "seen"], [True, False]),
        (["expired", "offering"], [True, False]),
        (["expired", "seen"], [True, True]),
        (["held", "offered"], [True, True]),
    ],
)
async def test_nothing_takes_back_what_is_proved(store: Store, steps: list[str], moved: list[bool]) -> None:
    await receive(store, inbox_row("a"))
    assert await store.inbox.advance([InboxChange("mac1", "a", step, 2.0) for step in steps]) == moved


async def test_a_change_of_a_message_that_is_not_here_moves_nothing(store: Store) -> None:
    assert await store.inbox.advance([InboxChange("mac1", "a", "seen", 2.0)]) == [False]
    assert await log_states(store) == []


async def test_later_changes_are_made_and_said_in_order(store: Store) -> None:
    await receive(store, inbox_row("a"), inbox_row("b"))
    before = store.database.commits
    store.inbox.advance_later([InboxChange("mac1", "a", "offered", 2.0), InboxChange("mac1", "b", "offered", 2.0)])
    store.inbox.advance_later([InboxChange("mac1", "a", "seen", 3.0)])
    store.inbox.advance_later([InboxChange("mac1", "b", "held", 3.0)], say=False)
    assert (await log_states(store))[2:] == [("a", "offered"), ("b", "offered"), ("a", "seen")]
    assert store.database.commits - before == 1


async def test_waiting_messages_come_oldest_first_and_within_a_thread_by_number(store: Store) -> None:
    rows = [inbox_row("late", stored_at=9.0), inbox_row("t2", thread="t", n=2, stored_at=5.0)]
    rows += [inbox_row("t1", thread="t", n=1, stored_at=5.0), inbox_row("past", expires=1_000)]
    await store.inbox.receive(InboundFrame("mac1", "n", FAR, tuple(rows), (), 0, 9.0))
    assert ids(await store.inbox.waiting(9, now=1_000.0)) == ["t1", "t2", "late"]
    assert len(await store.inbox.waiting(2)) == 2


async def test_what_waits_at_a_seat_is_found_without_the_mail_of_others(store: Store) -> None:
    rows = [inbox_row("a1", seat="api"), inbox_row("w1", seat="web"), inbox_row("n1", seat=None)]
    rows += [inbox_row("a2", seat="api"), inbox_row("past", seat="api", expires=1_000)]
    await store.inbox.receive(InboundFrame("mac1", "n", FAR, tuple(rows), (), 0, 9.0))
    assert ids(await store.inbox.waiting_at("api", 9, now=1_000.0)) == ["a1", "a2"]
    assert ids(await store.inbox.waiting_at("api", 1, now=1_000.0)) == ["a1"]
    assert ids(await store.inbox.waiting_at(None, 9)) == ["n1"]
    assert await store.inbox.waiting_at("none", 9) == []


async def test_what_is_for_one_session_waits_for_that_one_and_keeps_no_place(store: Store) -> None:
    rows = [inbox_row(f"x{number}", seat="api", packet=b'{"session":"gone"}') for number in range(3)]
    rows += [inbox_row("s1", seat="api", packet=b'{"smart":true,"session":"here"}')]
    rows += [inbox_row("a1", seat="api"), inbox_row("a2", seat="api", packet=b'{"smart":true}')]
    await store.inbox.receive(InboundFrame("mac1", "n", FAR, tuple(rows), (), 0, 9.0))
    assert ids(await store.inbox.waiting_at("api", 2)) == ["a1", "a2"]
    assert ids(await store.inbox.waiting_at("api", 3, sessions=["here", "other"])) == ["s1", "a1", "a2"]
    assert len(await store.inbox.waiting(9)) == 6


async def test_expiry_ends_what_was_never_offered_and_says_so(store: Store) -> None:
    await receive(store, inbox_row("a", expires=2_000), inbox_row("b", expires=2_000), inbox_row("c"))
    await store.inbox.advance([InboxChange("mac1", "b", "offered", 2.0)])
    assert await store.inbox.expire(1_999.0) == []
    assert ids(await store.inbox.expire(2_000.0)) == ["a"]
    assert await store.inbox.expire(2_000.0) == []
    assert (await log_states(store))[-1] == ("a", "expired")
    row = await store.inbox.get("mac1", "a")
    assert row is not None
    assert (row.state, row.state_at) == ("expired", 2_000.0)


async def test_unread_is_what_neither_a_session_has_seen_nor_a_person_has_read(store: Store) -> None:
    for id_, seat in [("a", "api"), ("b", "api"), ("c", "web")]:
        await receive(store, inbox_row(id_, seat=seat))
    assert await store.inbox.mark_read("mac1", "a", 5.0)
    assert not await store.inbox.mark_read("mac1", "a", 6.0)
    assert not await store.inbox.mark_read("mac1", "nothing", 6.0)
    await store.inbox.advance([InboxChange("mac1", "c", "seen", 2.0)])
    assert ids(await store.inbox.listing(9)) == ["c", "b", "a"]
    assert ids(await store.inbox.listing(9, unread_only=True)) == ["b"]
    assert ids(await store.inbox.listing(9, seat="web")) == ["c"]
    assert ids(await store.inbox.listing(1, seat="api")) == ["b"]


async def test_messages_are_found_by_the_beginning_of_their_id(store: Store) -> None:
    await receive(store, inbox_row("0190-a"), inbox_row("0190-b", "mac3"), inbox_row("0191"))
    assert await store.inbox.find("0190") == [("mac1", "0190-a"), ("mac3", "0190-b")]
    assert await store.inbox.find("9") == []


async def test_the_log_is_read_from_where_the_peer_is_and_forgotten_as_it_confirms(store: Store) -> None:
    await store.inbox.receive(frame("n1", "a", "b", "c"))
    assert [row.seq for row in await store.inbox.log_after("mac1", 1)] == [2, 3]
    assert [row.seq for row in await store.inbox.log_after("mac1", 0, 2)] == [1, 2]
    store.inbox.forget_log("mac1", 2)
    store.inbox.forget_log("mac1", 1)
    store.inbox.forget_log("unknown", 0)
    assert await store.inbox.peers_with_log() == {"mac1": 1}
    assert [row.seq for row in await store.inbox.log_after("mac1", 0)] == [3]
    store.inbox.forget_log("mac1", 3)
    assert await store.inbox.peers_with_log() == {}
    await store.inbox.advance([InboxChange("mac1", "a", "seen", 2.0)])
    assert [row.seq for row in await store.inbox.log_after("mac1", 0)] == [4]
