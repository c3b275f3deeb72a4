from msgspec.structs import replace

from multifleet.store.roster import Kept
from multifleet.store.rows import InboxChange, RosterRow
from multifleet.store.store import Store
from tests.store.conftest import NOW
from tests.store.made import frame, inbox_row, peer_row, receipt

CARD = RosterRow("card aa", "01", "{}", "ff")
ADMISSION = RosterRow("admission aa bb", "02", "{}", "ff")


async def test_documents_come_back_as_they_were_given_and_a_newer_one_takes_the_place_of_its_slot(store: Store) -> None:
    await store.roster.keep(Kept(documents=(CARD, ADMISSION)))
    newer = replace(CARD, id="03", text='{"issued":2}')
    store.roster.keep_later(Kept(documents=(newer,)))
    assert sorted(row.id for row in await store.roster.all()) == ["02", "03"]
    assert newer in await store.roster.all()


async def test_documents_peers_and_notes_are_kept_in_one_commit(store: Store) -> None:
    before = store.database.commits
    await store.roster.keep(Kept(documents=(CARD,), peers=(peer_row(),), notes=(("fleet", "f1"),)))
    assert store.database.commits - before == 1
    assert await store.peers.get("mac2") == peer_row()
    assert await store.meta.get("fleet") == "f1"


async def test_another_fleet_begins_without_the_documents_of_the_one_before(store: Store) -> None:
    await store.roster.keep(Kept(documents=(CARD,)))
    await store.roster.keep(Kept(documents=(ADMISSION,), anew=True))
    assert await store.roster.all() == [ADMISSION]


async def test_another_machine_of_an_old_name_continues_nothing(store: Store) -> None:
    await store.peers.add(peer_row("mac1"))
    await store.inbox.receive(frame("n1", "a"))
    await store.receipts.record([receipt("b", "stored", 1, "mac1")], [], "mac1", 1)
    anew = peer_row("mac1", ed25519=b"E" * 32)
    await store.roster.keep(Kept(forgotten=("mac1",), peers=(anew,)))
    store.receipts.forget("mac1")
    assert await store.peers.get("mac1") == anew
    assert await store.inbox.log_after("mac1", 0) == []
    assert store.receipts.durable_have("mac1") == 0
    assert await store.inbox.get("mac1", "a") is not None


async def test_what_a_machine_sent_is_turned_away_unless_a_session_was_offered_it(store: Store) -> None:
    await store.inbox.receive(frame("n1", "a", "b"))
    await store.inbox.receive(replace(frame("n2"), sender="mac3", rows=(inbox_row("c", "mac3"),)))
    (offered,) = [row for row in await store.inbox.waiting(10) if row.id == "b"]
    await store.inbox.advance([_offering(offered.sender, offered.id)])
    assert await store.roster.turn_away("mac1", "mac1 was revoked by mac2: stolen", NOW) == 1
    states = {row.id: (row.state, row.detail) for row in await store.inbox.listing(10)}
    assert states == {
        "a": ("refused", "mac1 was revoked by mac2: stolen"),
        "b": ("offering", None),
        "c": ("stored", None),
    }


def _offering(sender: str, id: str) -> InboxChange:
    return InboxChange(sender, id, "offering", NOW)
