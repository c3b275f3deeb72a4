"""Only what the user's configuration says, and numeric addresses, may become a host to log in to."""

import pytest

from multifleet.channels.base import Target
from multifleet.channels.ssh_login import logins, why_no_login
from multifleet.config import NodeEntry


def test_configured_hosts_come_before_addresses_that_were_heard() -> None:
    configured = NodeEntry(host="mac2.local", lan_ip="192.0.2.2", user="me", ssh_port=2222)
    found = logins(Target("mac2", ("192.0.2.7:8855", "[2001:db8::7]:8855", "192.0.2.2:8855"), configured))
    assert [str(login) for login in found] == [
        f"me@{host}:2222" for host in ("192.0.2.2", "mac2.local", "192.0.2.7", "2001:db8::7")
    ]


@pytest.mark.parametrize("address", ["evil.example:8855", "-oProxyCommand=id:1", "$(id):1", "127.0.0.1:1", "[::1]:1"])
def test_a_name_that_a_peer_told_is_never_logged_in_to(address: str) -> None:
    assert logins(Target("mac2", (address,), NodeEntry(user="me"))) == []
    assert "no host" in why_no_login(Target("mac2", (address,), NodeEntry(user="me")))


@pytest.mark.parametrize("host", ["-oProxyCommand=id", "a b", "a;id", "$(id)", "a\nb", "x" * 300, "../x"])
def test_a_configured_host_that_is_none_is_not_used(host: str) -> None:
    assert "a host that is none" in why_no_login(Target("mac2", (), NodeEntry(host=host, user="me")))


@pytest.mark.parametrize("user", ["-l", "a b", "$(id)", "a\nb", "x" * 300])
def test_a_configured_user_that_is_none_is_not_used(user: str) -> None:
    assert "no login name" in why_no_login(Target("mac2", (), NodeEntry(host="h", user=user)))


def test_without_a_user_there_is_no_login() -> None:
    assert "nodes.mac2.user" in why_no_login(Target("mac2", ("192.0.2.7:8855",)))
