"""Peers that are gone, and clocks that are off."""

import json

from tests.node.doctor.conftest import MakeHome
from tests.node.doctor.faults import FAIL, WARN
from tests.node.doctor.real_home import RealHome


def test_a_peer_that_is_gone_is_told_with_the_reason(make_home: MakeHome) -> None:
    mac1, mac2 = make_home("mac1"), make_home("mac2")
    join(mac1, mac2)
    assert mac1.not_well() == {}
    assert "mac2 answers" in mac1.doctor()["peers"]["says"]
    mac2.kill()
    assert mac1.not_well() == {"peers": WARN}, "that another machine is away is no fault of this one"
    assert mac1.run("doctor").returncode == 0
    said = mac1.doctor()["peers"]
    assert "mac2 cannot be reached" in said["says"]
    assert "was heard" in said["says"]
    assert "on mac2: multifleet status" in said["remedy"]


def test_a_peer_whose_clock_is_off_is_named_from_both_sides(make_home: MakeHome) -> None:
    mac1, mac2 = make_home("mac1"), make_home("mac2")
    join(mac1, mac2)
    mac2.down()
    mac2.set_clock(600)
    mac2.up()
    assert mac1.not_well() == {"clock": FAIL}
    assert "mac2's clock is 600 s ahead" in mac1.doctor()["clock"]["says"]
    assert mac2.not_well() == {"clock": FAIL}
    assert "mac1's clock is 600 s behind" in mac2.doctor()["clock"]["says"]


def join(first: RealHome, second: RealHome) -> None:
    """Two nodes in one fleet, both up."""
    for home in (first, second):
        home.up()
    code = json.loads(first.run("invite", "--json").stdout)["code"]
    second.run("join", code)


def test_a_clock_that_was_set_back_under_the_daemon_is_told(home: RealHome) -> None:
    home.up()
    home.set_clock(-3600)
    assert home.not_well() == {"clock": FAIL}
    assert "set 3600 s back" in home.doctor()["clock"]["says"]
