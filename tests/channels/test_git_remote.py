"""Which git remotes may be used, and what git is told."""

import subprocess
from pathlib import Path

import pytest

from multifleet.channels.git_remote import BadRemote, environment, remote_of, settings


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://git.example/me/fleet.git", "git.example"),
        ("https://git.example:8443/me/fleet.git", "git.example"),
        ("ssh://git@git.example/fleet.git", "git.example"),
        ("ssh://git.example:2222/srv/fleet.git", "git.example"),
        ("ssh://git@[::1]:2222/srv/fleet.git", "[::1]"),
        ("git@git.example:me/fleet.git", "git.example"),
        ("nas:fleet.git", "nas"),
        ("/srv/fleet.git", "/srv/fleet.git"),
        ("file:///srv/fleet.git", "/srv/fleet.git"),
        ("/srv/my repository.git", "/srv/my repository.git"),
    ],
)
def test_a_remote_that_may_be_used(text: str, shown: str) -> None:
    remote = remote_of(text)
    assert remote.shown == shown and remote.is_local == text.startswith(("/", "file:"))


@pytest.mark.parametrize(
    "text",
    [
        "ext::sh -c whoami",
        "fd::17",
        "ssh://-oProxyCommand=whoami/x",
        "ssh://git@-oProxyCommand=whoami/x",
        "ssh://git.example/-x",
        "-oProxyCommand=whoami:x",
        "git@-oProxyCommand=x:y",
        "host:-upload-pack=whoami",
        "--upload-pack=whoami",
        "../somewhere",
        "fleet.git",
        "git://git.example/fleet.git",
        "http://git.example/fleet.git",
        "ftp://git.example/fleet.git",
        "https://me:secret@git.example/fleet.git",
        "https://token@git.example/fleet.git",
        "ssh://me:secret@git.example/fleet.git",
        "https://git.example/a\nb",
        "https://git.example/" + "a" * 1_000,
        "$(id):x",
        "a;id:x",
    ],
)
def test_a_remote_that_may_not(text: str) -> None:
    with pytest.raises(BadRemote, match=r"git\.remote") as raised:
        remote_of(text)
    assert "secret" not in str(raised.value) and "token" not in str(raised.value)


def test_git_is_told_nothing_of_this_process_that_it_need_not_know() -> None:
    told = environment(
        Path("/x"),
        {"HOME": "/h", "PATH": "/bin", "FLEET_NERVE_HMAC_KEY": "k", "GIT_SSH": "evil", "GIT_CONFIG_PARAMETERS": "evil",
         "LD_PRELOAD": "evil", "SSH_AUTH_SOCK": "/s"},
    )  # fmt: skip
    assert not [name for name, text in told.items() if text in ("k", "evil")]
    assert (told["HOME"], told["SSH_AUTH_SOCK"], told["GIT_DIR"]) == ("/h", "/s", "/x")


def test_settings_go_before_those_of_the_user() -> None:
    words = settings()
    assert set(words[::2]) == {"-c"} and "core.hooksPath=/dev/null" in words
    said = subprocess.run(["git", *words, "config", "core.hooksPath"], capture_output=True, text=True, check=True)
    assert said.stdout == "/dev/null\n"


def test_a_repository_of_another_user_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = remote_of(str(tmp_path))
    assert remote.why_not() == ""
    monkeypatch.setattr("os.getuid", lambda: 4_711)
    assert "belongs to another user" in remote.why_not()
    assert "No such file" in remote_of(str(tmp_path / "none")).why_not()
    assert remote_of("git@git.example:x").why_not() == ""
