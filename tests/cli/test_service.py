"""`service`: the exact files, and what the system's program is asked; that program is a script here."""

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from multifleet.cli import service
from multifleet.cli.shape import Failed
from tests.surfaces import Ran, run_cli

NAME = 'node "one" 50%'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that is a node's home, with a name that has to be quoted."""
    made = tmp_path / NAME
    made.mkdir()
    return made


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A folder with a `systemctl` that notes what it is asked."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    program = bin_ / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n[ ! -e {tmp_path}/broken ] || exit 1\necho active\n')
    program.chmod(0o755)
    return bin_


async def run(home: Path, system: Path, *words: str) -> Ran:
    around = home.parent
    return await run_cli(home, "service", *words, HOME=str(around), PATH=f"{system}:/usr/bin:/bin", XDG_CONFIG_HOME="")


async def test_the_unit_is_written_enabled_and_taken_away_again(home: Path, system: Path, tmp_path: Path) -> None:
    unit = tmp_path / ".config/systemd/user/multifleet.service"
    assert (await run(home, system, "status")).status == 1
    installed = await run(home, system, "install", "--json")
    assert (installed.status, installed.json["path"]) == (0, str(unit))
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == [
        f"--user {words}"
        for words in ("show-environment", "daemon-reload", *(f"{w} multifleet.service" for w in ("enable", "restart")))
    ]
    found = await run(home, system, "status")
    assert (found.status, "active" in found.out) == (0, True)
    assert (await run(home, system, "uninstall")).status == 0
    assert not unit.exists() and (await run(home, system, "uninstall")).status == 0


async def test_what_would_be_written_is_shown_and_nothing_is_done(home: Path, system: Path, tmp_path: Path) -> None:
    shown = await run(home, system, "install", "--print")
    assert (shown.status, shown.err) == (0, "")
    assert not (tmp_path / "asked").exists() and not (tmp_path / ".config").exists()
    assert f'Environment="PATH={system}:/usr/bin:/bin"\n' in shown.out, "programs are found where the shell finds them"
    assert (await run(home, system, "install")).status == 0
    assert (tmp_path / ".config/systemd/user/multifleet.service").read_text() == shown.out


def test_no_folder_comes_into_the_unit_that_is_relative_or_everybodys(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, everybodys, odd = tmp_path / "good", tmp_path / "everybodys", tmp_path / "odd\nExecStart=x"
    for folder in (good, everybodys, odd):
        folder.mkdir()
    everybodys.chmod(0o777)
    monkeypatch.setenv("MULTIFLEET_HOME", str(home))
    monkeypatch.setenv("PATH", f"bin::.:{everybodys}:{good}:{odd}:{tmp_path}/none:{good}")
    assert f'"PATH={good}"\n' in service.unit()
    monkeypatch.setenv("PATH", "")
    assert '"PATH=' not in service.unit()


async def test_what_systemctl_refuses_is_told_with_another_way(home: Path, system: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    ran = await run(home, system, "install")
    assert (ran.status, "multifleet up --supervised" in ran.err) == (1, True)
    assert not (tmp_path / ".config").exists(), "nothing is written, and no daemon is stopped"


async def test_a_service_of_another_home_is_not_overwritten(home: Path, system: Path, tmp_path: Path) -> None:
    assert (await run(home, system, "install")).status == 0
    other = tmp_path / "other"
    other.mkdir()
    ran = await run(other, system, "install")
    assert (ran.status, "another home" in ran.err) == (1, True)


def test_the_unit_byte_by_byte(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIFLEET_HOME", str(home))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(sys, "executable", "/opt/a $b/python3")
    monkeypatch.setattr(service.multifleet, "__file__", "/usr/lib/python3/site-packages/multifleet/__init__.py")
    assert service.unit() == (
        "[Unit]\n"
        "Description=multifleet: messages between the AI coding agents of several machines\n"
        "StartLimitIntervalSec=0\n\n"
        "[Service]\n"
        'ExecStart="/opt/a $$b/python3" "-m" "multifleet" "up" "--foreground"\n'
        f'Environment="MULTIFLEET_HOME={home.parent}/node \\"one\\" 50%%"\n'
        'Environment="PATH=/usr/bin:/bin"\n'
        "Restart=on-failure\n"
        "RestartSec=2\n"
        "UMask=0077\n\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    )


def test_the_launchd_agent_byte_by_byte(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIFLEET_HOME", "/Users/a & b/.multifleet")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(sys, "executable", "/opt/python3")
    monkeypatch.setattr(service.multifleet, "__file__", "/opt/src/multifleet/__init__.py")
    text = service.plist()
    assert text == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n'
        '<plist version="1.0">\n<dict>\n'
        "    <key>Label</key>\n    <string>org.multifleet.daemon</string>\n"
        "    <key>ProgramArguments</key>\n    <array>\n"
        "        <string>/opt/python3</string>\n        <string>-m</string>\n        <string>multifleet</string>\n"
        "        <string>up</string>\n        <string>--foreground</string>\n    </array>\n"
        "    <key>EnvironmentVariables</key>\n    <dict>\n"
        "        <key>MULTIFLEET_HOME</key>\n        <string>/Users/a &amp; b/.multifleet</string>\n"
        "        <key>PYTHONPATH</key>\n        <string>/opt/src</string>\n"
        "        <key>PATH</key>\n        <string>/usr/bin:/bin</string>\n    </dict>\n"
        "    <key>RunAtLoad</key>\n    <true/>\n"
        "    <key>KeepAlive</key>\n    <dict>\n        <key>SuccessfulExit</key>\n        <false/>\n    </dict>\n"
        "    <key>ThrottleInterval</key>\n    <integer>10</integer>\n"
        "    <key>Umask</key>\n    <integer>63</integer>\n"
        "</dict>\n</plist>\n"
    )
    assert plistlib.loads(text.encode())["ProgramArguments"][0] == "/opt/python3"


def test_a_home_with_a_line_break_makes_no_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIFLEET_HOME", "/tmp/a\nExecStart=/bin/false")
    with pytest.raises(Failed, match="line break"):
        service.unit()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_reads_it_without_a_complaint(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTIFLEET_HOME", str(home))
    unit = tmp_path / service.UNIT
    unit.write_text(service.unit())
    words = ["systemd-analyze", "verify", "--user", str(unit)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
