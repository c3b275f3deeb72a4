"""Hooks go into the user's settings and out again; every byte that is not ours stays, whatever happens between."""

import errno
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from multifleet.core.json_reading import read
from multifleet.errors import BadInput
from multifleet.sessions import hook_install, settings_file
from multifleet.sessions.claude_hooks import hooks_installed
from multifleet.sessions.hook_clients import CLIENTS, HookFile, hook_file, is_script, words_of
from multifleet.sessions.hook_install import install, look, uninstall
from multifleet.sessions.hook_plugins import brought
from multifleet.sessions.hook_table import groups_for
from multifleet.sessions.settings_file import replace

ROOT = Path(__file__).resolve().parents[2]

THEIRS = {"hooks": [{"type": "command", "command": "notify-send done"}]}
SETTINGS = {
    "none": None,
    "empty": b"",
    "a line break": b"\n",
    "an empty object": b"{}",
    "other settings": b'{\n  "model": "opus",\n  "env": {"A": "\\u00e9", "B": "\xc3\xa9"}\n}\n',
    "tabs and no line break at its end": b'{\n\t"model":"opus"}',
    "carriage returns": b'{\r\n    "model": "opus"\r\n}\r\n',
    "one line": b'{"model":"opus","hooks":{}}',
    "hooks of theirs": json.dumps({"hooks": {"Stop": [THEIRS], "PreToolUse": [THEIRS]}, "z": 1}, indent=4).encode(),
    "hooks that are empty": b'{"hooks": {"Stop": [ ],\n "SessionStart":[]}}',
    "comments": b'{\n  // mine\n  "model": "opus", /* and */\n}\n',
    "a mark at its beginning": b'\xef\xbb\xbf{"model": "opus"}',
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home" / ".multifleet"
    made.mkdir(parents=True, mode=0o700)
    return made


@pytest.fixture
def file(tmp_path: Path, home: Path) -> HookFile:
    return hook_file("claude", ROOT, home, None, {"HOME": str(tmp_path / "home")})


@pytest.fixture(params=SETTINGS.values(), ids=SETTINGS.keys())
def before(request: pytest.FixtureRequest, file: HookFile) -> bytes | None:
    """What stood in the settings."""
    content: bytes | None = request.param
    if content is not None:
        file.path.parent.mkdir()
        file.path.write_bytes(content)
    return content


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything under a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_all_is_as_it_was_when_the_hooks_are_out_again(before: bytes | None, file: HookFile, home: Path) -> None:
    was = tree(home.parent)
    assert install(file, home)
    assert look(file).how == "all"
    if before != SETTINGS["comments"]:  # this client does not read them
        assert hooks_installed(file.path.parent).how == "settings"
    now = json.loads(file.path.read_text("utf-8-sig")) if before != SETTINGS["comments"] else {}
    assert before is None or b"opus" not in before or not now or now["model"] == "opus"
    assert uninstall(file, home)
    assert tree(home.parent) == was


def test_the_way_back_is_found_without_what_was_remembered(before: bytes | None, file: HookFile, home: Path) -> None:
    install(file, home)
    shutil.rmtree(home / "hooks")
    assert uninstall(file, home)
    left = file.path.read_bytes()
    if before and before.strip() not in (b"", b"{}") and b'"hooks"' not in before:
        assert left == before
    elif before and b"PreToolUse" in before:
        assert left == before
    else:
        assert not json.loads(left.decode("utf-8-sig")).get("hooks")


def test_what_the_user_changes_meanwhile_stays(before: bytes | None, file: HookFile, home: Path) -> None:
    install(file, home)
    text = file.path.read_text("utf-8")
    changed = re.sub('"hooks": ?{', '"hooks": {"PreCompact": [],', text.replace("opus", "haiku"), count=1)
    file.path.write_text(changed, "utf-8")
    assert uninstall(file, home)
    left = file.path.read_bytes()
    assert b"PreCompact" in left and b"hand-over" not in left and b"session-start" not in left
    if before and b"opus" in before:
        assert b"haiku" in left and b"opus" not in left
    if before and b"PreToolUse" in before:
        assert left == before.replace(b'"hooks": {', b'"hooks": {"PreCompact": [],', 1)


def test_a_client_that_writes_its_settings_anew_costs_no_byte(before: bytes | None, file: HookFile, home: Path) -> None:
    was = tree(home.parent)
    install(file, home)
    file.path.write_text(json.dumps(read(file.path.read_text("utf-8")).value, indent=2))
    assert uninstall(file, home)
    assert tree(home.parent) == was


def test_installing_twice_changes_nothing_and_uninstalling_twice_neither(file: HookFile, home: Path) -> None:
    assert install(file, home) and not install(file, home)
    text = file.path.read_bytes()
    assert text.count(b"hand-over.sh") == 2
    assert uninstall(file, home) and not uninstall(file, home)
    assert not file.path.exists() and not (home / "hooks").exists()


def test_hooks_of_another_version_are_replaced_and_the_first_settings_come_back(
    before: bytes | None, file: HookFile, home: Path
) -> None:
    was = tree(home.parent)
    install(_with_timeout(file, 9), home)
    assert look(file).how == "older"
    assert install(file, home) and look(file).how == "all"
    assert uninstall(file, home)
    assert tree(home.parent) == was


def test_what_is_missing_is_said_and_put_back(file: HookFile, home: Path) -> None:
    install(file, home)
    settings = json.loads(file.path.read_text())
    del settings["hooks"]["Stop"]
    file.path.write_text(json.dumps(settings))
    assert (look(file).how, look(file).missing) == ("some", ("Stop",))
    assert install(file, home) and look(file).how == "all"
    assert uninstall(file, home) and not file.path.exists()


def test_a_hook_of_theirs_that_was_put_beside_ours_stays(file: HookFile, home: Path) -> None:
    install(file, home)
    settings = json.loads(file.path.read_text())
    settings["hooks"]["Stop"][0]["hooks"].insert(0, THEIRS["hooks"][0])
    file.path.write_text(json.dumps(settings))
    assert uninstall(file, home)
    assert json.loads(file.path.read_text()) == {"hooks": {"Stop": [THEIRS]}}


def test_a_line_that_the_user_made_of_ours_is_the_users(home: Path) -> None:
    file = hook_file("codex", ROOT, home, None, {"HOME": str(home.parent)})
    install(file, home)
    settings = json.loads(file.path.read_text())
    hook = settings["hooks"]["Stop"][0]["hooks"][0]
    hook["command"] += " && notify-send done"
    file.path.write_text(json.dumps(settings))
    assert uninstall(file, home)
    assert json.loads(file.path.read_text()) == {"hooks": {"Stop": [{"hooks": [hook]}]}}


def test_settings_that_are_a_link_stay_one_and_keep_their_mode(file: HookFile, home: Path, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles" / "settings.json"
    kept.parent.mkdir()
    kept.write_text('{"model": "opus"}')
    kept.chmod(0o640)
    file.path.parent.mkdir()
    file.path.symlink_to(kept)
    assert install(file, home) and look(file).how == "all"
    assert file.path.is_symlink() and kept.stat().st_mode & 0o777 == 0o640
    assert uninstall(file, home)
    assert file.path.is_symlink() and kept.read_text() == '{"model": "opus"}' and kept.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"hooks": []}', b'{"hooks": {"Stop": "x"}}', b"\xff{}", b'{"hooks": 1, "hooks": 2}']
)
def test_settings_that_cannot_be_understood_are_left_alone(file: HookFile, home: Path, content: bytes) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(content)
    with pytest.raises(BadInput, match="nothing was changed"):
        install(file, home)
    assert file.path.read_bytes() == content and os.listdir(file.path.parent) == ["settings.json"]
    assert not (home / "hooks").exists()


def test_a_folder_in_the_place_of_the_settings_is_left_alone(file: HookFile, home: Path) -> None:
    file.path.mkdir(parents=True)
    for act in (install, uninstall):
        with pytest.raises(BadInput, match="nothing was changed"):
            act(file, home)


def test_what_somebody_writes_in_the_same_moment_is_not_lost(
    file: HookFile, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.path.parent.mkdir()
    file.path.write_text('{"model": "opus"}')
    save = hook_install.save_record

    def save_while_another_writes(*given: Any) -> None:
        save(*given)
        file.path.write_text('{"model": "haiku"}')

    monkeypatch.setattr(hook_install, "save_record", save_while_another_writes)
    with pytest.raises(BadInput, match="do it again"):
        install(file, home)
    assert file.path.read_text() == '{"model": "haiku"}' and os.listdir(file.path.parent) == ["settings.json"]
    monkeypatch.undo()
    assert install(file, home) and uninstall(file, home)
    assert file.path.read_text() == '{"model": "haiku"}'


def test_what_is_remembered_of_one_folder_outlives_another_ones_uninstalling(home: Path, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path / "home")}
    first, second = (hook_file("claude", ROOT, home, tmp_path / name, environ) for name in ("a", "b"))
    for file in (first, second):
        file.path.parent.mkdir()
        file.path.write_text('{"model":   "opus"}')
        assert install(file, home)
    assert uninstall(second, home)
    settings = json.loads(first.path.read_text())
    first.path.write_text(json.dumps(settings, indent=2))
    assert uninstall(first, home)
    assert first.path.read_text() == second.path.read_text() == '{"model":   "opus"}'
    assert not (home / "hooks").exists()


def test_a_file_that_cannot_be_written_is_told(file: HookFile, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file.path.parent.mkdir()
    file.path.write_text('{"model":   "opus"}')
    monkeypatch.setattr(settings_file.os, "replace", full)
    with pytest.raises(BadInput, match=r"cannot be written .* nothing was changed"):
        replace(file.path, file.path.read_bytes(), b"{}")
    assert file.path.read_text() == '{"model":   "opus"}' and os.listdir(file.path.parent) == ["settings.json"]


def test_what_is_remembered_is_for_this_user_alone(file: HookFile, home: Path) -> None:
    install(file, home)
    (record,) = (home / "hooks").iterdir()
    assert record.stat().st_mode & 0o777 == 0o600 and (home / "hooks").stat().st_mode & 0o777 == 0o700


def test_a_home_that_is_not_the_usual_one_is_named_to_the_hooks(tmp_path: Path, home: Path) -> None:
    usual = hook_file("claude", ROOT, home, None, {"HOME": str(tmp_path / "home")})
    other = hook_file("claude", ROOT, tmp_path / "other", None, {"HOME": str(tmp_path / "home")})
    for event in usual.groups:
        for mine, named in zip(usual.groups[event][0]["hooks"], other.groups[event][0]["hooks"], strict=True):
            assert words_of(named) == ["/usr/bin/env", f"MULTIFLEET_HOME={tmp_path}/other", *words_of(mine)]
            assert other.is_ours(named) and "CLAUDE_PLUGIN_ROOT" not in json.dumps(named)


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("/opt/multifleet/hooks/hand-over.sh", True),
        ("/home/ada/.claude/plugins/cache/multifleet-local/multifleet/0.1.0/hooks/session-start.sh", True),
        (f"{ROOT}/hooks/hand-over.sh", True),
        ("/home/ada/bin/hand-over.sh", False),
        ("/home/ada/hooks/hand-over.sh", False),
        ("/opt/multifleet/hooks/mine.sh", False),
        ("/opt/multifleet/bin/multifleet", False),
    ],
)
def test_which_programs_are_ours(word: str, ours: bool) -> None:
    assert is_script(word, ROOT) is ours


@pytest.mark.parametrize(
    "hook", [None, 3, "x", {}, {"command": 3}, {"command": "'"}, {"type": "prompt", "prompt": "x"}]
)
def test_what_is_no_command_is_not_ours(file: HookFile, hook: Any) -> None:
    assert not file.is_ours(hook)


def _with_timeout(file: HookFile, seconds: int) -> HookFile:
    def changed(group: dict[str, Any]) -> dict[str, Any]:
        return group | {"hooks": [hook | {"timeout": seconds} for hook in group["hooks"]]}

    groups = {event: tuple(changed(group) for group in groups) for event, groups in file.groups.items()}
    return HookFile(file.client, file.path, groups, file.root)


OTHERS = {"codex": ".codex/hooks.json", "gemini": ".gemini/settings.json", "qwen": ".qwen/settings.json"}


@pytest.mark.parametrize("client", OTHERS)
@pytest.mark.parametrize(
    "content", [None, b'{\n    // mine\n    "hooks": {"Stop": []}, "z": 1,\n}\n'], ids=["none", "some"]
)
def test_other_clients_have_files_and_events_of_their_own(home: Path, client: str, content: bytes | None) -> None:
    file = hook_file(client, ROOT, home, None, {"HOME": str(home.parent)})
    assert file.path == home.parent / OTHERS[client] and set(file.groups) == set(groups_for(client, "/"))
    if content is not None:
        file.path.parent.mkdir()
        file.path.write_bytes(content)
    was = tree(home.parent)
    assert install(file, home) and look(file).how == "all"
    assert file.path.read_bytes().count(f" {client}".encode()) >= len(file.groups), (
        "the program is told whose hook it is"
    )
    assert uninstall(file, home)
    assert tree(home.parent) == was


def test_the_hook_at_a_turns_end_of_an_earlier_version_is_taken_out_of_qwen(home: Path) -> None:
    file = hook_file("qwen", ROOT, home, None, {"HOME": str(home.parent)})
    assert "Stop" not in file.groups
    earlier = json.loads(json.dumps(file.groups["UserPromptSubmit"]).replace("UserPromptSubmit", "Stop"))
    install(HookFile(file.client, file.path, {**file.groups, "Stop": tuple(earlier)}, file.root), home)
    assert look(file).how == "older"
    assert install(file, home) and look(file).how == "all"
    assert "Stop" not in json.loads(file.path.read_text())["hooks"]


def test_a_clients_own_folder_is_taken_where_a_variable_names_one(tmp_path: Path, home: Path) -> None:
    for client, variable in (("codex", "CODEX_HOME"), ("qwen", "QWEN_HOME"), ("claude", "CLAUDE_CONFIG_DIR")):
        file = hook_file(client, ROOT, home, None, {"HOME": "/nonexistent", variable: str(tmp_path / "x")})
        assert file.path.parent == tmp_path / "x"


@pytest.mark.parametrize("client", OTHERS)
def test_a_line_for_a_shell_names_places_with_spaces_in_quotes(tmp_path: Path, client: str) -> None:
    root, home = tmp_path / "my multifleet", tmp_path / "my home"
    (root / "hooks").mkdir(parents=True)
    (root / "hooks/hooks.json").touch()
    file = hook_file(client, root, home, None, {"HOME": str(tmp_path)})
    for groups in file.groups.values():
        [hook] = groups[0]["hooks"]
        words = words_of(hook)
        assert words[:3] == ["/usr/bin/env", f"MULTIFLEET_HOME={home}", "/bin/sh"] and words[3].startswith(
            f"{root}/hooks/"
        )
        assert file.is_ours(hook)


def test_an_installation_without_hooks_says_so(tmp_path: Path, home: Path) -> None:
    for client in CLIENTS:
        with pytest.raises(BadInput, match="clone of the repository"):
            hook_file(client, tmp_path, home, None, {})


def test_a_plugin_that_brings_the_hooks_is_seen(tmp_path: Path) -> None:
    assert not any(brought(client, tmp_path) for client in CLIENTS)
    config = tmp_path / "config.toml"
    config.write_text('[plugins."multifleet@multifleet-local"]\nenabled = false\n[plugins."other@x"]\nenabled = true\n')
    assert not brought("codex", tmp_path)
    config.write_text('[plugins."multifleet@multifleet-local"]\nenabled = true\n')
    assert brought("codex", tmp_path)
    for broken in ("plugins = 3\n", "[plugins]\nmultifleet = 3\n", "["):
        config.write_text(broken)
        assert not brought("codex", tmp_path)
    (tmp_path / "extensions/multifleet").mkdir(parents=True)
    assert brought("gemini", tmp_path) and brought("qwen", tmp_path)
