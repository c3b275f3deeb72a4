"""The installed version, by what installers leave."""

import json
from pathlib import Path

import pytest

from multifleet.sessions.claude_install import installed_version
from tests.lab.client_install import CLAUDE_VERSION, claude_program


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_clients_own_installer_names_the_file_after_the_version(tmp_path: Path) -> None:
    link = tmp_path / "claude"
    link.symlink_to(program(tmp_path / "share" / "claude" / "versions" / "2.1.329"))
    assert installed_version(link) == "2.1.329"


def test_npm_keeps_it_in_the_package(tmp_path: Path) -> None:
    package = tmp_path / "node_modules" / "@anthropic-ai" / "claude-code"
    link = tmp_path / "claude"
    link.symlink_to(program(package / "bin" / "claude.exe"))
    (package / "package.json").write_text(json.dumps({"name": "@anthropic-ai/claude-code", "version": "2.1.400"}))
    assert installed_version(link) == "2.1.400"


@pytest.mark.parametrize("said", ["", "[]", "{", '{"name": "other", "version": "1.2.3"}'])
def test_what_is_not_known_is_not_guessed(tmp_path: Path, said: str) -> None:
    path = program(tmp_path / "bin" / "claude")
    (path.parent / "package.json").write_text(said)
    assert installed_version(path) is None
    assert installed_version(tmp_path / "none") is None


@pytest.mark.real_claude
def test_the_real_client_is_recognized() -> None:
    assert installed_version(Path(claude_program())) == CLAUDE_VERSION
