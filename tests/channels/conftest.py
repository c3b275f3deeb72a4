"""What tests of channels share: one sshd for them all, a home of their own, and less waiting before a next try."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channels.sshd import Sshd


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried soon."""
    monkeypatch.setattr("multifleet.channels.nats_place.SOON", 0.05)
    monkeypatch.setattr("multifleet.channels.nats_host.REST", 0.05)


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that runs as long as the tests do."""
    with Sshd.make(tmp_path_factory.mktemp("sshd") / "of").running() as server:
        yield server


@pytest.fixture
def user_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's home, without keys or an agent."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path
