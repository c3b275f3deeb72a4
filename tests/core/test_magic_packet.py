"""Wake-on-LAN packets, and the names of the cards they are for."""

import pytest

from multifleet.core.magic_packet import magic_packet, read_mac, write_mac


@pytest.mark.parametrize(
    "text", ["02:77:00:00:00:0a", "02-77-00-00-00-0A", "0277.0000.000a", "02770000000A", " 02:77:00:00:00:0a\n"]
)
def test_a_card_is_read_in_its_usual_forms(text: str) -> None:
    mac = read_mac(text)
    assert mac is not None and write_mac(mac) == "02:77:00:00:00:0a"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02:77:00:00:00",
        "02:77-00:00:00:0a",
        "ff:ff:ff:ff:ff:ff",
        "01:00:5e:00:00:01",
        "00:00:00:00:00:00",
        "0x770000000a",
    ],
)
def test_what_names_no_single_card_is_none(text: str) -> None:
    assert read_mac(text) is None


def test_a_packet_is_six_times_ff_and_sixteen_times_the_card() -> None:
    packet = magic_packet(bytes.fromhex("02770000000a"))
    assert packet.hex() == "ff" * 6 + "02770000000a" * 16
