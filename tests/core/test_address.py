"""The host is found in every way in which an address is written."""

import pytest

from multifleet.core.address import host_of


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("192.0.2.1:8855", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("mac1.local:8855", "mac1.local"),
        ("mac1", "mac1"),
        ("[2001:db8::1]:8855", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::1", "::1"),
        ("relay mac2", "relay mac2"),
        ("", ""),
    ],
)
def test_the_host_of_an_address(address: str, host: str) -> None:
    assert host_of(address) == host
