"""What is said of a daemon that gave up: its own last words, with what they tell to do as the remedy."""

from pathlib import Path

from multifleet.node.checks import daemon


def test_the_remedy_of_the_last_words_comes_before_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "daemon.log").write_text("multifleet: $KEY names another fleet: unset it\n")
    found = daemon.from_outside(tmp_path)
    assert found.says == "no daemon runs; the last one ended: $KEY names another fleet"
    assert found.remedy == "unset it, then multifleet up"


def test_without_last_words_it_only_has_to_be_started(tmp_path: Path) -> None:
    assert daemon.from_outside(tmp_path).remedy == "multifleet up"
