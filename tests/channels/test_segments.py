"""Which machines are beside this one, and by which card each is known."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from multifleet.channels.cards import Cards
from multifleet.channels.segments import Segment, cards_seen, segment_with

OFFICE = Segment(IPv4Address("192.0.2.10"), IPv4Network("192.0.2.0/25"))
LAB = Segment(IPv4Address("192.0.2.200"), IPv4Network("192.0.2.128/25"))
TABLE = """IP address       HW type     Flags       HW address            Mask     Device
192.0.2.11       0x1         0x2         02:00:00:00:00:11     *        eth0
192.0.2.12       0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.13       0x1         0x2         ff:ff:ff:ff:ff:ff     *        eth0
nonsense
"""


def test_a_machine_is_on_the_segment_that_holds_one_of_its_addresses() -> None:
    assert segment_with(["198.51.100.1", "fd00::1", "mac2.local", "192.0.2.130"], [OFFICE, LAB]) == LAB
    assert segment_with(["198.51.100.1"], [OFFICE, LAB]) is None


def test_this_machine_does_not_lie_beside_itself() -> None:
    assert segment_with(["192.0.2.10"], [OFFICE, LAB]) is None


def test_neighbours_that_answered_are_known_by_their_cards(tmp_path: Path) -> None:
    table = tmp_path / "arp"
    table.write_text(TABLE)
    assert cards_seen(table) == {"192.0.2.11": bytes.fromhex("020000000011")}
    assert cards_seen(tmp_path / "none") == {}


def test_a_card_that_was_seen_is_known_after_a_restart(tmp_path: Path) -> None:
    card = bytes.fromhex("020000000011")
    Cards(tmp_path).note({"mac2": ["192.0.2.11"], "mac3": ["192.0.2.99"]}, {"192.0.2.11": card})
    assert Cards(tmp_path).of("mac2") == card and Cards(tmp_path).of("mac3") is None
    assert (tmp_path / "cards.json").stat().st_mode & 0o77 == 0


def test_a_machine_with_two_cards_keeps_the_one_it_had(tmp_path: Path) -> None:
    cards = Cards(tmp_path)
    first, second = bytes.fromhex("020000000011"), bytes.fromhex("020000000012")
    cards.note({"mac2": ["192.0.2.11"]}, {"192.0.2.11": first})
    cards.note({"mac2": ["192.0.2.11", "192.0.2.12"]}, {"192.0.2.11": first, "192.0.2.12": second})
    assert cards.of("mac2") == first


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "cards.json").write_bytes(b"{\xff")
    assert Cards(tmp_path).of("mac2") is None
