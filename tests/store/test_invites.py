import pytest
from msgspec.structs import replace

from multifleet.errors import InviteExpired, InviteWrong, KeyChanged
from multifleet.store.roster import Kept
from multifleet.store.rows import InviteRow, RosterRow
from multifleet.store.store import Store
from tests.store.made import peer_row

INVITE = InviteRow("i1", b"s" * 10, "hash", 1_600.0)
KEY = peer_row().ed25519
DOCUMENT = RosterRow("admission aa bb", "cc", "{}", "dd")
LET_IN = Kept(documents=(DOCUMENT,), peers=(peer_row(),))


async def test_using_an_invitation_pins_the_peer_and_keeps_its_admission_in_the_same_commit(store: Store) -> None:
    await store.invites.add(INVITE)
    before = store.database.commits
    assert await store.invites.use("i1", KEY, "n1", LET_IN, now=1_000.0)
    assert store.database.commits - before == 1
    assert await store.invites.open(1_000.0) == [replace(INVITE, used_by=KEY, nonces="n1")]
    assert await store.peers.get("mac2") == peer_row()
    assert await store.roster.all() == [DOCUMENT]


async def test_the_same_identity_may_ask_again_and_the_same_request_changes_nothing_twice(store: Store) -> None:
    await store.invites.add(INVITE)
    await store.invites.use("i1", KEY, "n1", LET_IN, now=1_000.0)
    moved = Kept(peers=(peer_row(addresses=("10.0.0.9:1",)),))
    assert await store.invites.use("i1", KEY, "n2", moved, now=1_100.0)
    for nonce in ("n1", "n2"):
        assert not await store.invites.use("i1", KEY, nonce, LET_IN, now=1_599.0)
    found = await store.peers.get("mac2")
    assert found is not None and found.addresses == ("10.0.0.9:1",)


async def test_a_code_is_not_good_for_any_number_of_requests(store: Store) -> None:
    await store.invites.add(INVITE)
    for number in range(32):
        assert await store.invites.use("i1", KEY, f"n{number}", LET_IN, now=1_000.0)
    with pytest.raises(InviteExpired):
        await store.invites.use("i1", KEY, "n32", LET_IN, now=1_000.0)


async def test_a_used_an_expired_and_an_unknown_invitation_admit_nobody(store: Store) -> None:
    await store.invites.add(INVITE)
    with pytest.raises(InviteWrong, match="multifleet invite"):
        await store.invites.use("i9", KEY, "n1", LET_IN, now=1_000.0)
    with pytest.raises(InviteExpired, match="multifleet invite"):
        await store.invites.use("i1", KEY, "n1", LET_IN, now=1_600.0)
    await store.invites.use("i1", KEY, "n1", LET_IN, now=1_000.0)
    other = Kept(peers=(peer_row("mac3", ed25519=b"E" * 32),))
    with pytest.raises(InviteExpired):
        await store.invites.use("i1", b"E" * 32, "n2", other, now=1_001.0)
    assert [one.node for one in await store.peers.all()] == ["mac2"]
    assert await store.invites.open(1_600.0) == []


async def test_a_changed_key_leaves_the_invitation_unused(store: Store) -> None:
    await store.invites.add(INVITE)
    await store.peers.add(peer_row(ed25519=b"E" * 32))
    with pytest.raises(KeyChanged):
        await store.invites.use("i1", KEY, "n1", LET_IN, now=1_000.0)
    assert await store.invites.open(1_000.0) == [INVITE]
    assert await store.roster.all() == []
