"""Agent clients: missing, not tested, failed."""

import json
import shutil
import subprocess

import pytest

from tests.lab.client_install import CLAUDE_VERSION, claude_program
from tests.node.doctor.faults import FAIL
from tests.node.doctor.real_home import VERSION, RealHome


def test_a_client_whose_self_test_failed_is_told(home: RealHome) -> None:
    home.up()
    home.down()
    note_self_test(home, VERSION, ok=False)
    home.up()
    assert home.not_well() == {"client": FAIL}
    home.down()
    assert home.not_well() == {"client": FAIL, "daemon": FAIL}


def note_self_test(home: RealHome, version: str, *, ok: bool) -> None:
    """Write what a self-test found, as the daemon does."""
    verdict = {"version": version, "ok": ok, "detail": "failed: the model's reply arrives at our address", "at": 1.0}
    write = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
    write += "c.execute('INSERT OR REPLACE INTO meta VALUES (?, ?)', sys.argv[2:]); c.commit()"
    words = [str(home.home / "store.db"), f"selftest claude {version}", json.dumps(verdict)]
    subprocess.run([shutil.which("python3") or "python3", "-c", write, *words], check=True)


def test_a_client_that_was_not_tested_yet_is_a_warning(home: RealHome) -> None:
    program = home.client.resolve()
    home.client.unlink()
    home.client.symlink_to(program.rename(program.with_name("9.9.9")))
    home.up()
    assert home.not_well() == {"client": "warn"}
    assert "9.9.9 has not been tested" in home.doctor()["client"]["says"]


def test_without_a_client_there_is_a_warning_that_says_what_it_means(home: RealHome) -> None:
    home.client.unlink()
    home.up()
    assert home.not_well() == {"client": "warn"}
    assert "multifleet inbox" in home.doctor()["client"]["says"]


@pytest.mark.real_claude
def test_the_real_client_is_tested_when_it_is_asked_for_by_name(home: RealHome) -> None:
    home.client.unlink()
    home.client.symlink_to(claude_program())
    home.up()
    assert home.not_well() == {}
    assert f"{CLAUDE_VERSION} takes messages" in home.doctor()["client"]["says"]
    assert "self-test passed" in home.doctor("client")["client"]["says"]
    assert "self-test passed" in home.doctor()["client"]["says"]


@pytest.mark.slow
def test_a_self_test_that_fails_counts_from_then_on_until_one_passes(home: RealHome) -> None:
    home.up()
    assert home.doctor("client")["client"]["level"] == "ok"  # what does not say its version is not judged
    home.client.resolve().write_text(f"#!/bin/sh\necho {VERSION}\n")
    assert "failed: the client registers its session" in home.doctor("client")["client"]["says"]
    assert home.not_well() == {"client": FAIL}
