"""The plugin comes and goes by the client's own commands; the settings are its user's, byte for byte."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from multifleet.errors import BadInput
from multifleet.sessions.claude_plugin import install_plugin, uninstall_plugin
from tests.sessions.plugin_client import write_client


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def claude(home: Path) -> Path:
    return write_client(home)


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"{}",
        b'{"model":   "opus"}',
        b'{"enabledPlugins": { }, "a": 1}',
        b'{"enabledPlugins": {"theirs@x": true}}\r\n',
    ],
)
@pytest.mark.parametrize("changed", [False, True])
def test_the_settings_come_back_with_what_was_changed_since(
    home: Path, claude: Path, content: bytes | None, changed: bool
) -> None:
    config = home / ".claude"
    settings = config / "settings.json"
    config.mkdir()
    if content is not None:
        settings.write_bytes(content)
    install_plugin(claude, home, config, home, {})
    install_plugin(claude, home, config, home, {})
    installed = json.loads(settings.read_text())
    assert installed["enabledPlugins"]["multifleet@multifleet-local"] is True
    if changed:
        settings.write_text(json.dumps(installed | {"model": "haiku"}))
    assert uninstall_plugin(claude, config, home, {}) == ("changed" if changed else "restored")
    assert not (config / "plugins/cache/multifleet-local").exists()
    if changed:
        assert json.loads(settings.read_bytes()) == json.loads(content or b"{}") | {"model": "haiku"}
    else:
        assert (settings.read_bytes() if settings.exists() else None) == content
    assert not (home / "hooks").exists()
    assert uninstall_plugin(claude, config, home, {}) == "none"


def test_what_the_client_complains_of_is_told_and_the_way_back_is_known(home: Path, claude: Path) -> None:
    config = home / ".claude"
    (home / "broken").touch()
    with pytest.raises(BadInput, match=r"marketplace add .* failed: no network"):
        install_plugin(claude, home, config, home, {})
    (home / "broken").unlink()
    install_plugin(claude, home, config, home, {})
    (home / "broken").touch()
    with pytest.raises(BadInput, match="no network"):
        uninstall_plugin(claude, config, home, {})
    (home / "broken").unlink()
    assert uninstall_plugin(claude, config, home, {}) == "restored" and not (config / "settings.json").exists()


def test_where_it_is_not_known_how_they_were_all_that_names_the_plugin_goes(home: Path, claude: Path) -> None:
    config = home / ".claude"
    install_plugin(claude, home, config, home, {})
    shutil.rmtree(home / "hooks")
    assert uninstall_plugin(claude, config, home, {}) == "removed"
    assert json.loads((config / "settings.json").read_text()) == {}


@pytest.mark.parametrize("again", [False, True])
def test_what_the_user_had_the_client_install_goes_without_a_rest(home: Path, claude: Path, again: bool) -> None:
    config = home / ".claude"
    for words in (("marketplace", "add", str(home)), ("install", "multifleet@multifleet-local")):
        subprocess.run([claude, "plugin", *words], check=True)
    if again:
        install_plugin(claude, home, config, home, {})
    assert uninstall_plugin(claude, config, home, {}) == "removed"
    assert json.loads((config / "settings.json").read_text()) == {}
    assert uninstall_plugin(claude, config, home, {}) == "none" and not (home / "hooks").exists()


@pytest.mark.parametrize("words", [["uninstall"], ["uninstall", "remove"]])
def test_what_the_user_had_the_client_take_out_is_put_right_to_the_end(
    home: Path, claude: Path, words: list[str]
) -> None:
    config = home / ".claude"
    config.mkdir()
    (config / "settings.json").write_bytes(was := b'{\r\n\t"model": "opus"}')
    install_plugin(claude, home, config, home, {})
    subprocess.run([claude, "plugin", "uninstall", "multifleet@multifleet-local"], check=True)
    if "remove" in words:
        subprocess.run([claude, "plugin", "marketplace", "remove", "multifleet-local"], check=True)
    assert uninstall_plugin(claude, config, home, {}) == "restored"
    assert (config / "settings.json").read_bytes() == was


def test_a_marketplace_that_was_listed_before_stays_listed(home: Path, claude: Path) -> None:
    config = home / ".claude"
    subprocess.run([claude, "plugin", "marketplace", "add", str(home)], check=True)
    was = (config / "settings.json").read_bytes()
    install_plugin(claude, home, config, home, {})
    assert uninstall_plugin(claude, config, home, {}) == "restored"
    assert (config / "settings.json").read_bytes() == was


def test_what_was_changed_between_two_installs_stays(home: Path, claude: Path) -> None:
    config = home / ".claude"
    install_plugin(claude, home, config, home, {})
    settings = json.loads((config / "settings.json").read_text())
    (config / "settings.json").write_text(json.dumps(settings | {"model": "haiku"}))
    install_plugin(claude, home, config, home, {})
    assert uninstall_plugin(claude, config, home, {}) == "changed"
    assert json.loads((config / "settings.json").read_text()) == {"model": "haiku"}


def test_an_install_that_broke_off_half_way_costs_no_byte(home: Path, claude: Path) -> None:
    config = home / ".claude"
    config.mkdir()
    (config / "settings.json").write_bytes(was := b'{"model":   "opus"}')
    (home / "broken at install").touch()
    with pytest.raises(BadInput, match="no network"):
        install_plugin(claude, home, config, home, {})
    assert "multifleet-local" in (config / "settings.json").read_text()
    (home / "broken at install").unlink()
    install_plugin(claude, home, config, home, {})
    assert uninstall_plugin(claude, config, home, {}) == "restored"
    assert (config / "settings.json").read_bytes() == was


def test_settings_that_cannot_be_understood_are_not_put_at_risk(home: Path, claude: Path) -> None:
    config = home / ".claude"
    config.mkdir()
    (config / "settings.json").write_text("{")
    with pytest.raises(BadInput, match="nothing was changed"):
        install_plugin(claude, home, config, home, {})
    assert (config / "settings.json").read_text() == "{"


def test_a_client_that_is_gone_is_named(home: Path) -> None:
    with pytest.raises(BadInput, match="cannot be run"):
        install_plugin(home / "none", home, home / ".claude", home, {})
