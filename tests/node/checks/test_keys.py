"""What the doctor says of private keys: their place, their age, a renewal under way, and never a key."""

from dataclasses import replace
from pathlib import Path

from multifleet.node.checks.finding import Level
from multifleet.node.checks.keys import readable
from multifleet.node.keys.keystore import create_identity, load_identity, save_identity

DAY = 86_400.0
NEW = b"n" * 32


def test_keys_that_were_just_made_are_well(tmp_path: Path) -> None:
    made = create_identity(tmp_path, "mac1", "file")
    found = readable(tmp_path, made, made.made + DAY)
    assert (found.level, made.x25519.hex() in found.says) == (Level.OK, False)
    assert "1 days old" in found.says


def test_an_older_key_that_waits_for_its_removal_is_mentioned(tmp_path: Path) -> None:
    made = create_identity(tmp_path, "mac1", "file")
    renewed = made.rotated(NEW, made.made + DAY, made.made + 31 * DAY)
    save_identity(tmp_path, renewed)
    found = readable(tmp_path, renewed, made.made + 2 * DAY)
    assert found.level is Level.OK and "1 older wait for removal" in found.says


def test_a_key_that_should_have_been_renewed_is_a_warning_unless_that_was_turned_off(tmp_path: Path) -> None:
    made = create_identity(tmp_path, "mac1", "file")
    now = made.made + 46 * DAY
    late = readable(tmp_path, made, now)
    assert (late.level, late.remedy) == (Level.WARN, "multifleet rotate-keys")
    assert readable(tmp_path, made, now, 0.0).level is Level.OK
    assert readable(tmp_path, None, now, 90.0).level is Level.OK


def test_a_file_put_back_from_before_the_renewal_is_a_fault(tmp_path: Path) -> None:
    made = create_identity(tmp_path, "mac1", "file")
    found = readable(tmp_path, made.rotated(NEW, made.made, made.made + 1), made.made)
    assert found.level is Level.FAIL and "before the last renewal" in found.says
    other = replace(load_identity(tmp_path), ed25519=NEW)
    assert "another identity" in readable(tmp_path, other, made.made).says
