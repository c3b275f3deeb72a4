"""A person's key, who is allowed by it, and what is asked about it."""

from pathlib import Path

import pytest

from multifleet.node.authority import ssh_keygen
from tests.node.authority.persons_keys import Key, allow


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key(tmp_path_factory.mktemp("ssh"), "id_ed25519")


@pytest.fixture
def allowed(tmp_path: Path, key: Key) -> Path:
    allow(tmp_path / "allowed", f"ada {key.public}")
    return tmp_path / "allowed"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What ssh-keygen was asked, in order."""
    asked: list[str] = []
    really = ssh_keygen._run

    def counted(action: str, *arguments: str, words: bytes) -> str:
        asked.append(action)
        return really(action, *arguments, words=words)

    monkeypatch.setattr(ssh_keygen, "_run", counted)
    return asked
