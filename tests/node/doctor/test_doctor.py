"""Each fault turns its own check red and no other, on a real home with a real daemon."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from multifleet.node.doctor import CHECKS
from tests.node.doctor.faults import FAIL, WHILE_RUNNING, damaged_pages
from tests.node.doctor.real_home import RealHome
from tests.starved import starved

TWO_SECONDS = 2.5
"""With the start of the command itself, on a busy machine."""


@pytest.mark.parametrize(("fault", "check"), WHILE_RUNNING.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_fault_turns_exactly_its_own_check_red(home: RealHome, fault: Callable[[RealHome], None], check: str) -> None:
    home.up()
    fault(home)
    assert home.not_well() == {check: FAIL}


@pytest.mark.beside_one
def test_a_healthy_node_is_well_in_every_check_and_within_two_seconds(home: RealHome) -> None:
    home.up()
    began, before = time.monotonic(), starved(home.pid)
    checks = home.doctor()
    assert time.monotonic() - began - (starved(home.pid) - before) < TWO_SECONDS
    assert tuple(checks) == CHECKS
    assert {check["level"] for check in checks.values()} == {"ok"}


def test_one_check_is_asked_alone(home: RealHome) -> None:
    home.up()
    assert list(home.doctor("disk")) == ["disk"]
    home.down()
    assert list(home.doctor("disk")) == ["disk"]


def test_a_check_that_does_not_exist_is_answered_with_those_that_do(home: RealHome) -> None:
    for start in (home.up, home.down):
        start()
        said = home.run("doctor", "weather", check=False)
        assert said.returncode == 1
        assert "no check 'weather'" in said.stderr
        assert "dependencies" in said.stderr


def test_a_store_that_was_set_aside_is_told_until_it_is_taken_out_of_the_home(home: RealHome) -> None:
    home.up()
    home.down()
    (home.home / "store.db").write_bytes(b"no database" * 1000)
    home.up()
    assert home.not_well() == {"store": FAIL}
    for aside in home.home.glob("store.db.damaged-*"):
        aside.unlink()
    assert home.not_well() == {}


def test_damage_that_the_doctor_found_is_set_aside_at_the_next_start(home: RealHome) -> None:
    home.up()
    damaged_pages(home)
    assert "damaged" in home.doctor()["store"]["says"]
    home.kill()
    home.up()
    assert "set aside" in home.doctor()["store"]["says"]


def test_a_keyring_that_is_locked_is_told(home: RealHome) -> None:
    home.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    home.up()
    record = {"node": "mac1", "in": "keyring", "account": "mac1@0"}
    (home.home / "keys" / "identity.json").write_text(json.dumps(record))
    assert home.not_well() == {"keys": FAIL}
    assert "unlock" in home.doctor()["keys"]["remedy"]


def test_a_library_that_is_too_old_is_told(home: RealHome, tmp_path: Path) -> None:
    old = tmp_path / "old" / "ifaddr-0.1.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: ifaddr\nVersion: 0.1\n")
    home.environment["PYTHONPATH"] = f"{old.parent}:{Path(__file__).parents[3]}"
    home.up()
    assert home.not_well() == {"dependencies": FAIL}
    assert "ifaddr 0.1 is older" in home.doctor()["dependencies"]["says"]


def test_a_home_that_is_no_node_yet_has_one_fault(home: RealHome) -> None:
    shutil.rmtree(home.home)
    home.environment["FLEET_NERVE_PORT"] = str(home.port)
    levels = home.not_well()
    assert [name for name, level in levels.items() if level == FAIL] == ["keys"]
    assert "multifleet init" in home.doctor()["keys"]["remedy"]
