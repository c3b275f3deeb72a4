"""Keys of machines that are out are kept for documents: not too many, not for ever, and never a stranger's."""

from msgspec.structs import replace

from multifleet.node.aside import BURST, KEEP_SECONDS, MOST, Aside
from multifleet.node.members import Member, Members
from tests.core.wire import FLEET, MAC1, MAC2, identity
from tests.node.fleet import pinned

KEY = MAC1.public.hex()


def outsider(name: str, added_at: float = 0.0) -> Member:
    """A machine that mac2 knew."""
    return Members(MAC2, FLEET).outsider(replace(pinned(identity(name)), added_at=added_at))


def test_it_is_found_by_its_name_and_key_for_thirty_days() -> None:
    aside, mac1 = Aside(), outsider("mac1")
    aside.put(mac1, "revoked", 100.0)
    aside.keep({KEY: "revoked"}, {KEY})
    kid = mac1.incoming.kid
    found = aside.find("mac1", kid, 100.0 + KEEP_SECONDS - 1)
    assert found is not None and found.member is mac1
    assert aside.find("mac1", kid, 100.0 + KEEP_SECONDS) is None
    assert aside.find("mac3", kid, 100.0) is None
    assert aside.find("mac1", "0" * 16, 100.0) is None


def test_a_crowd_of_new_machines_does_not_drive_out_who_was_a_member_before() -> None:
    aside, mac1 = Aside(), outsider("mac1", 1.0)
    aside.put(mac1, "revoked", 0.0)
    for number in range(MOST + 5):
        aside.put(outsider(f"new{number}", 10.0 + number), "revoked", 50.0)
    assert len(aside) == MOST
    assert aside.of(mac1) is not None


def test_who_is_in_again_or_has_left_is_kept_no_longer() -> None:
    aside = Aside()
    for name in ("mac1", "mac3"):
        aside.put(outsider(name), "revoked", 0.0)
    aside.keep({KEY: "disputed"}, {KEY})
    assert [member.node for member in aside.members()] == ["mac1"]
    assert [member.node for member in aside.to_ask(1.0)] == ["mac1"]


def test_who_was_put_out_beyond_doubt_is_not_heard() -> None:
    aside, mac1 = Aside(), outsider("mac1")
    aside.put(mac1, "orphaned", 0.0)
    aside.keep({KEY: "orphaned"}, ())
    assert aside.find("mac1", mac1.incoming.kid, 1.0) is None
    assert aside.to_ask(1.0) == []


def test_who_was_simply_put_out_is_asked_nothing() -> None:
    aside = Aside()
    aside.put(outsider("mac1"), "revoked", 0.0)
    aside.keep({KEY: "revoked"}, {KEY})
    assert aside.to_ask(1.0) == []


def test_of_each_so_many_frames_are_looked_at_and_no_more() -> None:
    aside, mac1 = Aside(), outsider("mac1")
    aside.put(mac1, "revoked", 0.0)
    found = aside.of(mac1)
    assert found is not None
    assert [found.budget.take(5.0) > 0.0 for _ in range(BURST + 1)] == [False] * BURST + [True]
