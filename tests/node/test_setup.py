"""Making a node: what lies in a home already is never written over, and every refusal says what works."""

from pathlib import Path

import pytest

from multifleet.errors import BadInput, KeyUnavailable
from multifleet.node.keys.keystore import identity_file, node_of
from multifleet.node.setup import init

DAMAGED = [b"{}", b"", b"[]", b"not what it was"]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the tester's own environment."""
    for name in ("MULTIFLEET_NODE_ID", "MULTIFLEET_IDENTITY", "FLEET_NERVE_HMAC_KEY", "FLEET_NERVE_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_a_node_is_made_once_and_found_afterwards(tmp_path: Path) -> None:
    made, new = init(tmp_path, "mac1")
    found, again = init(tmp_path, None)
    assert (new, again) == (True, False)
    assert found.identity == made.identity
    assert (tmp_path / "node").read_text() == "mac1\n", "for whoever comes over SFTP"


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize("node", [None, "mac1", "mac2"])
def test_a_damaged_identity_is_never_written_over(tmp_path: Path, content: bytes, node: str | None) -> None:
    init(tmp_path, "mac1")
    identity_file(tmp_path).write_bytes(content)
    with pytest.raises(KeyUnavailable, match="restore it from a backup, or move it away"):
        init(tmp_path, node)
    assert identity_file(tmp_path).read_bytes() == content


def test_what_a_home_of_another_name_is_told_to_type_works(tmp_path: Path) -> None:
    home = tmp_path / "home"
    init(home, "mac2")
    with pytest.raises(BadInput) as refused:
        init(home, "mac2-2")
    assert f"mv {home} {home}.old; multifleet init --node mac2-2" in str(refused.value)
    with pytest.raises(BadInput, match="'Bad Name' is no node id"):
        init(home, "Bad Name")
    home.rename(f"{home}.old")
    init(home, "mac2-2")
    assert node_of(home) == "mac2-2"


def test_what_is_told_to_type_works_for_a_home_of_two_words(tmp_path: Path) -> None:
    home = tmp_path / "my home"
    init(home, "mac2")
    with pytest.raises(BadInput) as refused:
        init(home, "mac3")
    assert f"mv '{home}' '{home}.old'; multifleet" in str(refused.value)
