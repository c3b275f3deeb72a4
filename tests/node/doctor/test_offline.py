"""What the doctor says where no daemon can be asked: why none runs, and what would keep one from starting."""

import socket

from tests.node.doctor.faults import FAIL, damaged_configuration, lost_key
from tests.node.doctor.real_home import RealHome

EXPLAINED = "warn"
"""That no daemon runs follows from what is red."""


def test_a_port_that_another_program_has_is_the_one_fault(home: RealHome) -> None:
    with socket.create_server(("127.0.0.1", home.port)):
        home.run("up", check=False)
        assert home.not_well() == {"port": FAIL, "daemon": EXPLAINED}
        checks = home.doctor()
    assert f"port {home.port} is taken by" in checks["port"]["says"]
    assert "see port" in checks["daemon"]["says"]


def test_the_udp_port_counts_as_well(home: RealHome) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", home.port))
        assert home.not_well() == {"port": FAIL, "daemon": EXPLAINED}


def test_an_address_that_this_machine_lacks_is_the_one_fault(home: RealHome) -> None:
    home.configure(nodeId="mac1", port=home.port, bind=["192.0.2.1"])
    assert home.not_well() == {"port": FAIL, "daemon": EXPLAINED}


def test_a_configuration_that_cannot_be_read_is_the_one_fault(home: RealHome) -> None:
    damaged_configuration(home)
    levels = home.not_well()
    assert [name for name, level in levels.items() if level == FAIL] == ["config"]
    assert home.doctor("settings")["settings"]["level"] == FAIL, "nothing else says why"


def test_a_lost_key_is_the_one_fault(home: RealHome) -> None:
    lost_key(home)
    assert home.not_well() == {"keys": FAIL, "daemon": EXPLAINED}


def test_a_node_that_was_never_started_needs_only_that(home: RealHome) -> None:
    assert home.not_well() == {"daemon": FAIL}
    assert home.doctor()["daemon"]["remedy"] == "multifleet up"


def test_a_clock_behind_the_last_run_is_told(home: RealHome) -> None:
    home.up()
    home.down()
    home.set_clock(-3600)
    assert home.not_well() == {"clock": FAIL, "daemon": FAIL}
    assert "behind where it was when the daemon ran" in home.doctor()["clock"]["says"]


def test_why_the_last_daemon_ended_is_told(home: RealHome) -> None:
    with socket.create_server(("127.0.0.1", home.port)):
        home.run("up", check=False)
    assert "the last one ended: another program" in home.doctor()["daemon"]["says"]
