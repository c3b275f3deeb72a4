
import pytest
from msgspec.structs import replace

from multifleet.errors import InviteExpired, InviteWrong, KeyChanged
from multifleet.store.rows import InviteRow
from multifleet.store.store import Store
from tests.store.made import peer_row

INVITE = InviteRow("i1", b"s" * 10, "hash", 1_600.0)
KEY = peer_row().ed25519


async def test_using_an_invitation_pins_the_peer_in_the_same_commit(store: Store) -> None:
    await store.invites.add(INVITE)
    before = store.database.commits
    used = await store.invites.use("i1", KEY, peer_row(), b"answer", now=1_000.0)
    assert store.database.commits - before == 1
    assert used == replace(INVITE, used_by=KEY, answer=b"answer")
    assert await store.peers.get("mac2") == peer_row()


async def test_the_same_identity_may_ask_again_and_gets_its_first_answer(store: Store) -> None:
    await store.invites.add(INVITE)
    await store.invites.use("i1", KEY, peer_row(), b"first", now=1_000.0)
    again = await store.invites.use("i1", KEY, peer_row(), b"second", now=1_599.0)
    assert again.answer == b"first"
    assert await store.invites.open(1_599.0) == [again]


async def test_a_used_an_expired_and_an_unknown_invitation_admit_nobody(store: Store) -> None:
    await store.invites.add(INVITE)
    with pytest.raises(InviteWrong, match="multifleet invite"):
        await store.invites.use("i9", KEY, peer_row(), now=1_000.0)
    with pytest.raises(InviteExpired, match="multifleet invite"):
        await store.invites.use("i1", KEY, peer_row(), now=1_600.0)
    await store.invites.use("i1", KEY, peer_row(), now=1_000.0)
    with pytest.raises(InviteExpired):
        await store.invites.use("i1", b"E" * 32, peer_row("mac3", ed25519=b"E" * 32), now=1_001.0)
    assert [one.node for one in await store.peers.all()] == ["mac2"]
    assert await store.invites.open(1_600.0) == []


async def test_a_changed_key_leaves_the_invitation_unused(store: Store) -> None:
    await store.invites.add(INVITE)
    await store.peers.add(peer_row(ed25519=b"E" * 32))
    with pytest.raises(KeyChanged):
        await store.invites.use("i1", KEY, peer_row(), now=1_000.0)
    assert await store.invites.open(1_000.0) == [INVITE]
