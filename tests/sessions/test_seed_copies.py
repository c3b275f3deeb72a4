import stat
from pathlib import Path

import pytest

from multifleet.sessions import seed_copies
from multifleet.sessions.seed_copies import write_copy


def test_a_copy_is_for_its_owner_alone_and_names_the_seat(tmp_path: Path) -> None:
    path = write_copy("api", "the schema changed", tmp_path)
    assert path.name.startswith("fleet-seed-api-")
    assert path.suffix == ".md"
    assert path.read_text() == "the schema changed"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_planted_under_the_name_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "target"
    monkeypatch.setattr(seed_copies.secrets, "token_hex", lambda _: "0" * 16)
    (tmp_path / f"fleet-seed-api-{'0' * 16}.md").symlink_to(target)
    with pytest.raises(FileExistsError):
        write_copy("api", "text", tmp_path)
    assert not target.exists()
