import asyncio

from multifleet.store.rows import OWN_ID, InboxChange, LogRow, Received, Refusal
from multifleet.store.store import Store
from tests.store.conftest import writer_held
from tests.store.made import frame, inbox_row, outbox_row, queued


def said(received: Received) -> list[tuple[int, str, str]]:
    return [(row.seq, row.message_id, row.state) for row in received.log]


async def inbox_ids(store: Store) -> list[str]:
    return [row.id for row in reversed(await store.inbox.listing(1_000))]


async def test_messages_are_stored_and_said_to_be_in_one_commit(store: Store) -> None:
    before = store.database.commits
    received = await store.inbox.receive(frame("n1", "a", "b"))
    assert store.database.commits - before == 1
    assert received == Received(
        False,
        ("stored", "stored"),
        ("stored", "stored"),
        (
            LogRow(1, "a", "stored", 1_001.25, "P2", 1, None),
            LogRow(2, "b", "stored", 1_001.25, "P2", 1, None),
        ),
    )
    assert await store.inbox.get("mac1", "a") == inbox_row("a", row=1)


async def test_a_retry_with_a_new_nonce_is_a_duplicate_with_the_true_state(store: Store) -> None:
    await store.inbox.receive(frame("n1", "a"))
    await store.inbox.advance([InboxChange("mac1", "a", "offered", 1_002.0)])
    received = await store.inbox.receive(frame("n2", "a", "b", at=1_010.0))
    assert (received.results, received.states) == (("duplicate", "stored"), ("offered", "stored"))
    assert said(received) == [(1, "a", "stored"), (2, "a", "offered"), (3, "b", "stored")]
    assert await inbox_ids(store) == ["a", "b"]


async def test_the_id_of_a_message_that_was_sent_from_here_is_refused_from_all_but_itself(store: Store) -> None:
    own = outbox_row("a", to="mac2")
    await store.outbox.add(own, queued(own))
    received = await store.inbox.receive(frame("n1", "a", "b"))
    assert (received.results, received.states) == (("refused", "stored"), ("refused", "stored"))
    assert {(row.message_id, row.state, row.detail) for row in received.log} == {
        ("a", "refused", OWN_ID),
        ("b", "stored", None),
    }
    assert await inbox_ids(store) == ["b"]
    [row] = frame("n2", "a", sender="mac2").rows
    assert (await store.inbox.receive(frame("n2", "a", sender=row.to.partition("/")[0]))).results == ("stored",)


async def test_a_duplicate_of_which_nothing_waits_to_be_said_is_said_again(store: Store) -> None:
    await store.inbox.receive(frame("n1", "a"))
    received = await store.inbox.receive(frame("n2", "a", have=1))
    assert said(received) == [(2, "a", "stored")]
    received = await store.inbox.receive(frame("n3", "a", have=1, at=1_010.0))
    assert said(received) == [(2, "a", "stored")]


async def test_a_nonce_seen_before_is_a_replay_and_does_nothing_but_tell_the_states(store: Store) -> None:
    await store.inbox.receive(frame("n1", "a"))
    received = await store.inbox.receive(frame("n1", "a", "b", have=1))
    assert received == Received(True, ("duplicate", "unknown"), ("stored", None), ())
    assert await inbox_ids(store) == ["a"]
    assert len(await store.inbox.log_after("mac1", 0)) == 1
    assert await store.nonces.count() == 1


async def test_the_same_nonce_of_another_sender_is_no_replay(store: Store) -> None:
    await store.inbox.receive(frame("n1", "a"))
    received = await store.inbox.receive(frame("n1", "a", sender="mac3"))
    assert (received.replay, received.results) == (False, ("stored",))
    assert [(row.sender, row.id) for row in await store.inbox.listing(9)] == [("mac3", "a"), ("mac1", "a")]


async def test_replays_and_duplicates_inside_one_batch_are_found(store: Store) -> None:
    frames = [
        frame("n1", "a"),
        frame("n1", "a"),
        frame("n2", "a"),
        frame("n3", "b", "b"),
        frame("n4", "a", "c"),
    ]
    async with writer_held(store.database):
        before = store.database.commits
        tasks = [asyncio.create_task(store.inbox.receive(one)) for one in frames]
    received = await asyncio.gather(*tasks)
    assert store.database.commits - before == 2
    assert [one.replay for one in received] == [False, True, False, False, False]
    assert [one.results for one in received] == [
        ("stored",),
        ("duplicate",),
        ("duplicate",),
        ("stored", "duplicate"),
        ("duplicate", "stored"),
    ]
    assert [row.message_id for row in await store.inbox.log_after("mac1", 0)] == ["a", "b", "c"]
    assert await inbox_ids(store) == ["a", "b", "c"]


async def test_what_is_turned_away_is_said_and_leaves_no_row(store: Store) -> None:
    refusal = Refusal("bad", "refused", "no such seat", "P2", 3)
    received = await store.inbox.receive(frame("n1", "a", refused=(refusal,)))
    assert received.log[1] == LogRow(2, "bad", "refused", 1_001.25, "P2", 3, "no such seat")
    again = await store.inbox.receive(frame("n2", refused=(refusal, refusal)))
    assert said(again) == [(2, "bad", "refused")]
    assert await inbox_ids(store) == ["a"]


async def test_an_acknowledgement_drops_what_it_names_and_numbers_go_on(store: Store) -> None:
    await store.inbox.receive(frame("n1", "a", "b", "c"))
    received = await store.inbox.receive(frame("n2", "d", have=2, at=1_010.0))
    assert said(received) == [(3, "c", "stored"), (4, "d", "stored")]
    assert await store.inbox.peers_with_log() == {"mac1": 2}
    assert said(await store.inbox.receive(frame("n3", "e", have=4))) == [(5, "e", "stored")]


async def test_an_answer_repeats_what_may_be_lost_not_what_is_still_on_its_way(store: Store) -> None:
    await store.inbox.receive(frame("n1", "a", at=1_000.0))
    await store.inbox.advance([InboxChange("mac1", "a", "seen", 1_000.1)])
    received = await store.inbox.receive(frame("n2", "b", at=1_000.2))
    assert said(received) == [(2, "a", "seen"), (3, "b", "stored")]
    received = await store.inbox.receive(frame("n3", at=1_001.1))
    assert said(received) == [(1, "a", "stored"), (2, "a", "seen")]
    received = await store.inbox.receive(frame("n4", at=1_002.0))
    assert said(received) == [(1, "a", "stored"), (2, "a", "seen"), (3, "b", "stored")]


async def test_an_answer_has_room_for_its_own_statements_first(store: Store) -> None:
    for n in range(5):
        await store.inbox.receive(frame(f"n{n}", *(f"{n}-{m}" for m in range(64)), at=1_000.0))
    received = await store.inbox.receive(frame("n9", *(f"own-{m}" for m in range(64)), at=1_010.0))
    assert len(received.log) == 256
    assert received.log[0].seq == 1
    assert received.log[-1].message_id == "own-63"


async def test_the_answer_to_a_short_request_is_short(store: Store) -> None:
    await store.inbox.receive(frame("n1", *(f"{m}" for m in range(64)), at=1_000.0))
    received = await store.inbox.receive(frame("n2", "own", at=1_010.0))
    assert [row.seq for row in received.log] == [1, 2, 3, 4, 5, 6, 7, 65]


async def test_a_peer_that_remembers_more_than_this_store_ever_said_is_answered_beyond_it(
    store: Store,
) -> None:
    await store.inbox.receive(frame("n1", "a", "b"))
    received = await store.inbox.receive(frame("n2", "c", have=500, at=1_010.0))
    assert said(received) == [(501, "a", "stored"), (502, "b", "stored"), (503, "c", "stored")]
    received = await store.inbox.receive(frame("n3", "d", have=503))
    assert said(received) == [(504, "d", "stored")]


async def test_an_absurd_acknowledgement_changes_nothing(store: Store) -> None:
    await store.inbox.receive(frame("n1", "a"))
    received = await store.inbox.receive(frame("n2", "b", have=2**53))
    assert said(received) == [(2, "b", "stored")]
    assert [row.seq for row in await store.inbox.log_after("mac1", 0)] == [1, 2]


async def test_each_peer_has_numbers_of_its_own(store: Store) -> None:
    one, two = await asyncio.gather(
        store.inbox.receive(frame("n1", "a", "b")), store.inbox.receive(frame("n2", "c", sender="mac3"))
    )
    assert [row.seq for row in one.log] == [1, 2]
    assert [row.seq for row in two.log] == [1]
    assert await store.inbox.peers_with_log() == {"mac1": 2, "mac3": 1}
