"""Where a node says that it can be reached."""

import pytest

from multifleet.node import addresses
from multifleet.node.addresses import is_loopback, own_addresses


def test_what_is_advertised_is_all_that_is_said() -> None:
    assert own_addresses(["0.0.0.0"], 8855, ["mac1.lan", "10.0.0.1:80", "[::1]:5", "fe80::1"]) == [
        "mac1.lan:8855",
        "10.0.0.1:80",
        "[::1]:5",
        "[fe80::1]:8855",
    ]


def test_bound_addresses_are_told_and_loopback_only_where_there_is_nothing_else() -> None:
    assert own_addresses(["127.0.0.1", "10.0.0.1"], 8855, []) == ["10.0.0.1:8855"]
    assert own_addresses(["127.0.0.2"], 9, []) == ["127.0.0.2:9"]


def test_a_node_that_listens_everywhere_tells_its_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_interfaces", lambda: ["127.0.0.1", "fd00::1", "192.168.1.2", "::1", "192.168.1.2"])
    assert own_addresses(["0.0.0.0", "::"], 8855, []) == ["192.168.1.2:8855", "[fd00::1]:8855"]


def test_a_machine_without_a_network_tells_its_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_interfaces", lambda: [])
    assert own_addresses(["::"], 8855, []) == ["127.0.0.1:8855"]


def test_the_interfaces_of_this_machine_are_found() -> None:
    assert all(":" in one or "." in one for one in own_addresses(["0.0.0.0"], 1, []))


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False)]
)
def test_a_loopback_address_is_known_as_one(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_addresses_of_a_tunnel_are_told_by_a_node_that_listens_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_interfaces", lambda: ["192.0.2.2"])
    assert own_addresses(["0.0.0.0"], 1, [], ["100.64.0.1", "192.0.2.2"]) == ["192.0.2.2:1", "100.64.0.1:1"]
    assert own_addresses(["192.0.2.2"], 1, [], ["100.64.0.1"]) == ["192.0.2.2:1"]
