"""Why a node is silent in the local network, in words."""

import pytest

from multifleet.node.discovery.why_off import why_off


@pytest.mark.parametrize(
    ("is_wanted", "binds", "says"),
    [
        (False, ["0.0.0.0"], '"mdns" is false in config.json'),
        (True, ["127.0.0.1", "::1"], "this node listens on 127.0.0.1, ::1 only, where no other machine reaches it"),
        (True, [], "this node listens nowhere"),
    ],
)
def test_the_reason_is_told(is_wanted: bool, binds: list[str], says: str) -> None:
    assert (why_off(is_wanted, binds) or "").startswith(says)


def test_who_is_reached_from_elsewhere_has_none() -> None:
    assert why_off(True, ["127.0.0.1", "0.0.0.0"]) is None
