"""A person is told: on a desktop where there is one (python-dbusmock is the desktop), with the commands to type."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from multifleet.channels.base import Target
from multifleet.config import NodeEntry
from multifleet.core.ladder import Case
from multifleet.node.counters import Counters
from multifleet.node.healing import human
from multifleet.node.healing.human import Human, commands, mac_words
from tests.node.sleep.system_bus import SECONDS, SYSTEM_PYTHON, SystemBus

CASES = [Case("mac2", "nats", "", 0.0), Case("mac2", "http", "no answer \x1b[2J", 0.0)]
NAME, PLACE = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[SystemBus]:
    """A session's bus without a desktop on it."""
    with TemporaryDirectory(prefix="mfbus") as folder:
        found = SystemBus(Path(folder))
        found.start()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", found.address)
        yield found
        found.stop()


def gdbus(*words: str) -> str:
    done = subprocess.run(["gdbus", *words], capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stdout


@pytest.fixture
def desktop(bus: SystemBus) -> Iterator[None]:
    """A desktop that takes notifications."""
    words = [SYSTEM_PYTHON, "-m", "dbusmock", "--session", "--template", "notification_daemon"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, env=os.environ.copy())
    gdbus("wait", "--session", "--timeout", f"{SECONDS:g}", NAME)
    yield
    process.kill()
    process.wait()


@pytest.mark.system_bus
async def test_a_desktop_shows_the_commands_and_nothing_that_a_peer_said(desktop: None) -> None:
    told = await Human(Counters()).tell(Target("mac2"), CASES)
    assert told == "you were told on the desktop"
    mock = "org.freedesktop.DBus.Mock.GetMethodCalls"
    calls = gdbus("call", "--session", "--dest", NAME, "--object-path", PLACE, "--method", mock, "Notify")
    assert "http and nats to mac2" in calls and "multifleet repair mac2" in calls
    assert "no answer" not in calls


@pytest.mark.system_bus
async def test_where_no_desktop_takes_it_that_is_told(bus: SystemBus) -> None:
    assert "status` only" in await Human(Counters()).tell(Target("mac2"), CASES)


async def test_a_machine_without_a_session_shows_it_in_status_and_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(human, "session_bus", lambda: False)
    counters = Counters()
    assert "no desktop session" in await Human(counters).tell(Target("mac2"), CASES)
    assert counters.snapshot() == {"repair_needs_a_person": 1}


def test_the_commands_say_what_to_type_here_and_there() -> None:
    assert commands(Target("mac2"))[-1] == "multifleet doctor   # on mac2"
    entry = NodeEntry(user="ann", host="192.0.2.7")
    assert commands(Target("mac2", configured=entry))[-1] == "ssh ann@192.0.2.7 multifleet doctor"


def test_the_command_over_there_uses_the_login_that_is_configured_and_the_home_that_the_peer_told() -> None:
    entry = NodeEntry(
        user="ann", lan_ip="192.0.2.7", ssh_port=2222, ssh_key="/k/a key", remote_command=("/opt/my apps/mf",)
    )
    typed = commands(Target("mac2", configured=entry), "/srv/a fleet")[-1]
    assert shlex.split(typed)[:6] == ["ssh", "-p", "2222", "-i", "/k/a key", "ann@192.0.2.7"]
    there = " ".join(shlex.split(typed)[6:])
    assert shlex.split(there) == ["env", "MULTIFLEET_HOME=/srv/a fleet", "/opt/my apps/mf", "doctor"]
    named = NodeEntry(user="ann", host="192.0.2.7", remote_command=("env", "MULTIFLEET_HOME=/srv/b", "multifleet"))
    typed = commands(Target("mac2", configured=named), "/srv/fleet")[-1]
    assert typed == "ssh ann@192.0.2.7 env MULTIFLEET_HOME=/srv/b multifleet doctor"


def test_on_macos_the_text_is_an_argument_and_no_part_of_the_script() -> None:
    assert mac_words('x" & do shell script "id') == [
        "/usr/bin/osascript",
        "-e",
        "on run argv",
        "-e",
        "display notification (item 1 of argv) with title (item 2 of argv)",
        "-e",
        "end run",
        "--",
        'x" & do shell script "id',
        "multifleet",
    ]
