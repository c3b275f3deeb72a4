"""Hooks and plugin in one file of settings, put in and taken out in every order: at the end it is as it was."""

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from multifleet.core.json_reading import read
from multifleet.sessions import claude_plugin
from multifleet.sessions.claude_plugin import install_plugin, uninstall_plugin
from multifleet.sessions.hook_clients import HookFile, hook_file
from multifleet.sessions.hook_install import install, look, uninstall
from tests.sessions.plugin_client import act

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "none": None,
    "tabs and no line break at its end": b'{\n\t"model":"opus"}',
    "carriage returns": b'{\r\n\t"model": "opus",\r\n\t"hooks": {}\r\n}\r\n',
    "plugins of theirs": b'{"enabledPlugins": {"theirs@x":true},  "hooks": {"Stop": [ ]}}',
}
CLAUDE = Path("claude")
ORDERS = [
    *("hooks plugin -hooks -plugin", "hooks plugin -plugin -hooks", "plugin hooks -plugin -hooks"),
    *("plugin hooks -hooks -plugin", "hooks plugin plugin -hooks -plugin", "plugin hooks plugin -plugin -hooks"),
    *("older plugin hooks -plugin -hooks", "older plugin hooks -hooks -plugin", "plugin older hooks -plugin -hooks"),
    *("hooks plugin -hooks hooks -plugin -hooks", "plugin hooks -plugin plugin -hooks -plugin"),
]


class Machine:
    """A user's home with a client, and the two things of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / ".claude"
        self.settings = self.config / "settings.json"
        self.file = hook_file("claude", ROOT, folder / ".multifleet", None, {"HOME": str(folder)})
        (folder / ".multifleet").mkdir()

    @property
    def home(self) -> Path:
        return self.folder / ".multifleet"

    def do(self, step: str) -> None:
        steps: dict[str, Callable[[], object]] = {
            "hooks": lambda: install(self.file, self.home),
            "older": lambda: install(_older(self.file), self.home),
            "-hooks": lambda: uninstall(self.file, self.home),
            "plugin": lambda: install_plugin(CLAUDE, ROOT, self.config, self.home, {}),
            "-plugin": lambda: uninstall_plugin(CLAUDE, self.config, self.home, {}),
        }
        steps[step]()

    @property
    def now(self) -> bytes | None:
        return self.settings.read_bytes() if self.settings.exists() else None

    @property
    def parts(self) -> set[str]:
        """What of ours stands in the settings."""
        found = {"hooks"} if look(self.file).how != "none" else set()
        return found | ({"plugin"} if "multifleet@" in (self.now or b"").decode() else set())


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(claude_plugin, "_must", lambda claude, environ, *words: act(tmp_path, list(words)))
    return Machine(tmp_path)


def _older(file: HookFile) -> HookFile:
    groups = {event: tuple(json.loads(json.dumps(group)) for group in found) for event, found in file.groups.items()}
    for found in groups.values():
        for group in found:
            group["hooks"][0]["timeout"] = 9
    return HookFile(file.client, file.path, groups, file.root)


@pytest.mark.parametrize("before", SETTINGS.values(), ids=SETTINGS.keys())
@pytest.mark.parametrize("order", ORDERS)
def test_every_byte_comes_back(machine: Machine, before: bytes | None, order: str) -> None:
    if before is not None:
        machine.config.mkdir()
        machine.settings.write_bytes(before)
    expected: set[str] = set()
    for step in order.split():
        machine.do(step)
        part = step.replace("older", "hooks").lstrip("-")
        expected = expected - {part} if step.startswith("-") else expected | {part}
        assert machine.parts == expected
    assert machine.now == before
    assert not any(machine.home.iterdir()), "nothing is remembered any more"


@pytest.mark.parametrize("order", sorted(set(permutations(("hooks", "plugin")))))
@pytest.mark.parametrize("out", sorted(set(permutations(("-hooks", "-plugin")))))
def test_what_the_user_changes_meanwhile_stays(machine: Machine, order: tuple[str, ...], out: tuple[str, ...]) -> None:
    machine.config.mkdir()
    machine.settings.write_bytes(b'{\r\n\t"model": "opus"}')
    for step in order:
        machine.do(step)
    machine.settings.write_bytes(machine.settings.read_bytes().replace(b"opus", b"haiku"))
    for step in out:
        machine.do(step)
    assert read((machine.now or b"").decode()).value == {"model": "haiku"}
