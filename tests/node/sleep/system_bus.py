"""A private D-Bus with a logind on it that is python-dbusmock's, both made for one test and gone after it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's python3-dbusmock is for it; ours has no D-Bus bindings for C."""
LOGIND = "org.freedesktop.login1"
OBJECT = "/org/freedesktop/login1"
SECONDS = 20.0
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/>
  </policy>
</busconfig>
"""


def lacks() -> str:
    """What is missing for it, as Debian packages; empty where nothing is."""
    needed = {"dbus-daemon": "dbus-daemon", "gdbus": "libglib2.0-bin"}
    missing = [package for program, package in needed.items() if shutil.which(program) is None]
    asked = [SYSTEM_PYTHON, "-I", "-c", "import dbusmock, gi, dbus"]
    if not os.path.exists(SYSTEM_PYTHON) or subprocess.run(asked, capture_output=True).returncode:
        missing.append("python3-dbusmock")
    return " ".join(missing)


class SystemBus:
    """The bus of one test; `address` is for $DBUS_SYSTEM_BUS_ADDRESS."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = f"unix:path={folder}/bus"
        self._bus: subprocess.Popen[bytes] | None = None
        self._logind: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """The bus alone."""
        (self._folder / "bus").unlink(missing_ok=True)
        config = self._folder / "bus.conf"
        config.write_text(CONFIG.format(socket=self._folder / "bus"))
        self._bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"], stdout=subprocess.PIPE
        )
        assert self._bus.stdout is not None
        assert self._bus.stdout.readline(), "the bus did not start"

    def stop(self) -> None:
        """The bus, and with it whoever is on it."""
        self.stop_logind()
        _end(self._bus)
        self._bus = None

    def start_logind(self) -> None:
        """A logind that does what it is told."""
        self._logind = subprocess.Popen(
            [SYSTEM_PYTHON, "-m", "dbusmock", "--system", "--template", "logind"],
            env=self._environment(),
            stdout=subprocess.DEVNULL,
        )
        self._gdbus("wait", "--timeout", f"{SECONDS:g}", LOGIND)

    def stop_logind(self) -> None:
        """It ends, and the bus stays."""
        _end(self._logind)
        self._logind = None

    def says_sleep(self, sleeps: bool) -> None:
        """logind tells everybody that the machine goes to sleep, or is back."""
        word = "true" if sleeps else "false"
        self._call("org.freedesktop.DBus.Mock.EmitSignal", f"{LOGIND}.Manager", "PrepareForSleep", "b", f"[<{word}>]")

    def somebody_says_sleep(self, to: str) -> None:
        """The same from a program that is not logind, to one connection."""
        signal = "--object-path", OBJECT, "--signal", f"{LOGIND}.Manager.PrepareForSleep", "true"
        self._gdbus("emit", "--dest", to, *signal)

    def inhibitors(self) -> str:
        """The locks that are held, as gdbus prints them."""
        return self._call(f"{LOGIND}.Manager.ListInhibitors")

    def _call(self, method: str, *values: str) -> str:
        return self._gdbus("call", "--dest", LOGIND, "--object-path", OBJECT, "--method", method, *values)

    def _gdbus(self, word: str, *words: str) -> str:
        done = subprocess.run(
            ["gdbus", word, "--system", *words],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "DBUS_SYSTEM_BUS_ADDRESS": self.address}


@contextmanager
def system_bus(folder: Path) -> Iterator[SystemBus]:
    """A bus with a logind, in a folder whose name is short enough for a socket."""
    bus = SystemBus(folder)
    bus.start()
    try:
        bus.start_logind()
        yield bus
    finally:
        bus.stop()


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
